"""The templates that a campaign's leads hear: named, pinned to a version, changed, told.

A lead keeps what was chosen for it when it was imported (`engine.campaign.messages`). Rules that are changed
hold for those who are imported from then on.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, Engine

from engine.campaign import machines
from engine.campaign.messages import Rule, rules_of, stored, told
from engine.errors import NotFound, UsageError
from engine.settings import Settings
from engine.speech.message import message_of
from storage import audit, hearers, speech
from storage import campaign as store
from storage.db import reading, writing


def pinned(connection: Connection, rules: Iterable[Rule]) -> dict[str, speech.TemplateRow]:
    """The newest version of each template that is named; NotFound for one that is not there."""
    found: dict[str, speech.TemplateRow] = {}
    for name in dict.fromkeys(name for rule in rules for name, _share in rule.shares):
        row = speech.latest(connection, name)
        if row is None:
            raise NotFound(f"no template named {name!r}")
        found[name] = row
    return found


def kept(rules: Sequence[Rule], templates: dict[str, speech.TemplateRow]) -> list[dict[str, Any]]:
    """Rules as a campaign keeps them."""
    return stored(rules, {name: row.id for name, row in templates.items()})


def for_machines(connection: Connection, amd: str, machine: str) -> str:
    """What answering machines get, as a campaign keeps it; `machine` is note, hangup or a template's name.
    UsageError for what makes no sense, NotFound: no such template.
    """
    if machine and not amd:
        raise UsageError("what machines get needs a preset by which they are told: --amd")
    if amd and amd not in machines.PRESETS:
        raise UsageError(f"amd: {amd!r} is none of {', '.join(machines.PRESETS)}")
    if machine in ("", machines.NOTE, machines.HANGUP):
        return machine or (machines.NOTE if amd else "")
    row = speech.latest(connection, machine)
    if row is None:
        raise NotFound(f"no template named {machine!r}")
    machines.check(message_of(row).template, machine)
    return str(row.id)


class Hearing:
    """Load, decide, save."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine, self._settings = engine, settings

    def change(self, name: str, templates: str, messages: Sequence[str], actor: str) -> None:
        """Other rules for those who are imported from now on, with the templates' newest versions."""
        rules = told(templates, messages)
        with writing(self._engine) as connection:
            row = _find(connection, name, lock=True)
            new = kept(rules, pinned(connection, rules))
            now = self._settings.now()
            store.change(connection, row.id, now, messages=new)
            given = {"template": templates, "messages": list(messages)}
            audit.note(connection, at=now, actor=actor, deed="campaign.messages", subject=name, **given)

    def list(self, name: str) -> list[dict[str, Any]]:
        """Who hears what: a row for each template of each rule, and one for what leads were given by rules
        that hold no longer. `leads`: all who hear this template, by whichever rule.
        """
        with reading(self._engine) as connection:
            row = _find(connection, name)
            rules = rules_of(row.messages, row.template_id)
            leads = _counted(connection, row)
            named = [(rule.when, UUID(key), share) for rule in rules for key, share in rule.shares]
            before = leads.keys() - {key for _when, key, _share in named}
            named += [("", key, 0) for key in sorted(before)]
            versions = speech.versions(connection, {key for _when, key, _share in named})
        return [
            {
                "when": when,
                "share": share,
                "template": versions[key].name,
                "version": versions[key].version,
                "role": message_of(versions[key]).template.role,
                "leads": leads.get(key, 0),
            }
            for when, key, share in named
        ]


def _counted(connection: Connection, row: store.CampaignRow) -> dict[UUID, int]:
    """Template id -> leads that hear it."""
    if not row.messages:  # then an index knows
        return {row.template_id: sum(store.lead_counts(connection, row.id).values())}
    return {key or row.template_id: n for key, n in hearers.counts(connection, row.id).items()}


def _find(connection: Connection, name: str, *, lock: bool = False) -> store.CampaignRow:
    row = store.find(connection, name, lock=lock)
    if row is None:
        raise NotFound(f"no campaign named {name!r}")
    return row
