"""The scripts that Asterisk may ask for, each a conversation with the engine behind it.

| script | conversation |
|---|---|
| debtor | dialplan.debtor; its call is found by the variable ZVONAR_ATTEMPT, which the dialplan sends |
| joined | none: an operator took the debtor's call (argument 1: the attempt); noted, and they talk |
"""

from collections.abc import Generator, Mapping
from typing import Any

from dialplan.debtor import Abandoned, DebtorCall, OptOut, debtor
from engine.campaign.talks import Sheet, Talks
from fastagi.routes import Call, Route, Scenario

ATTEMPT = "ZVONAR_ATTEMPT"


def routes(talks: Talks) -> Mapping[str, Route]:
    """Script name -> route, for the server."""

    def debtor_at_hand(call: Call) -> Scenario | None:
        sheet = talks.at_hand(call.variables[ATTEMPT])
        return _debtor(sheet) if sheet else None

    def open_debtor(call: Call) -> Scenario:
        return _debtor(talks.open(call.variables[ATTEMPT]))

    def _debtor(sheet: Sheet) -> Scenario:
        acts = {OptOut: talks.opt_out, Abandoned: talks.abandoned}
        where = sheet.operator, sheet.endpoint
        call = DebtorCall(sheet.message, sheet.phrases, *where, sheet.recorded, sheet.manned, sheet.later)
        return Scenario(
            conversation=debtor(call),
            tell=lambda fact: acts[type(fact)](sheet),
            finish=lambda talk: talks.save(sheet, talk),
        )

    def open_joined(call: Call) -> Scenario:
        talks.joined(call.args[0] if call.args else "")
        return Scenario(conversation=_nothing(), tell=_ignore, finish=_ignore)

    return {"debtor": Route(open_debtor, (ATTEMPT,), at_hand=debtor_at_hand), "joined": Route(open_joined)}


def _nothing() -> Generator[Any, Any, None]:
    """A conversation in which nothing is said."""
    yield from ()


def _ignore(_said: Any) -> None:
    """Nothing follows from it."""
