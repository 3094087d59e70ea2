"""Before anybody is dialled his whole message is there; without it he is not dialled, and it says why."""

import errno
import os
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from builders import (
    FOR_CONTACTS,
    NOON,
    Studio,
    add_campaign,
    add_lead,
    add_template,
    after,
    all_phrases,
    lead_now,
    rows_of,
    settings,
    tone,
)
from sqlalchemy import Engine

from engine.campaign.phrases import Phrases
from engine.campaign.preparation import Preparation
from engine.campaign.preparing import Preparer
from engine.errors import VoiceError
from engine.speech.clip import Said
from engine.speech.keys import DEFAULT, Key
from engine.speech.menus import menu_name
from engine.speech.service import Speech
from storage import audit, due, speech
from storage import campaign as store
from storage.campaign import CampaignRow
from storage.db import reading, writing
from storage.vocab import Action, LeadState, Role


class Room(Studio):
    """A preparer with a voice of ours, and one campaign."""

    def __init__(self, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(engine, folder, monkeypatch)
        self.engine = engine
        self.preparer = Preparer(engine, self.speech, self.settings)
        self.campaign = add_campaign(engine, phrases=all_phrases() | all_phrases("en"))

    def new(self, name: str, **changes: Any) -> dict[str, Any]:
        values = {"variables": {"name": name, "sum": "100"}, "state": LeadState.NEW, "clips": None}
        return add_lead(self.engine, self.campaign, **values | changes)

    def now(self) -> CampaignRow:
        with reading(self.engine) as connection:
            return store.get(connection, self.campaign.id)


@pytest.fixture
def room(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    return Room(engine, tmp_path, monkeypatch)


def test_a_lead_whose_message_is_made_may_be_dialled(room: Room, engine: Engine) -> None:
    lead = room.new("Пётр")
    assert room.preparer.step(room.campaign) == 1
    now = lead_now(engine, lead)
    assert (now.state, now.why) == ("pending", "")
    made = room.speech.make([Said("Здравствуйте, Пётр!"), Said("Ваш долг 100 рублей.")], "ru").whole()
    parts = ("greeting", "debt")
    assert now.clips == [[clip.name, clip.ms, part] for clip, part in zip(made.values(), parts, strict=True)]
    assert all(room.speech.cache.has(name) for name, *_ in now.clips)
    assert room.preparer.step(room.campaign) == 0


def test_what_leads_have_in_common_is_spoken_once(room: Room) -> None:
    for name in ("Пётр", "Анна", "Пётр"):
        room.new(name)
    room.preparer.step(room.campaign)
    assert room.spoken == {"Здравствуйте, Пётр!": 1, "Здравствуйте, Анна!": 1, "Ваш долг 100 рублей.": 1}


@pytest.mark.parametrize(
    "changes, why",
    [
        ({"name": "немо"}, "no audio: espeak-ng failed: 1"),
        ({"name": "a", "variables": {"name": "a"}}, "no audio: fragment 'debt': no value for {sum}"),
    ],
)
def test_a_lead_whose_message_cannot_be_made_is_blocked_and_the_others_are_not(
    room: Room, engine: Engine, changes: dict[str, Any], why: str
) -> None:
    bad, good = room.new(**changes), room.new("Пётр")
    assert room.preparer.step(room.campaign) == 2
    assert (lead_now(engine, bad).state, lead_now(engine, bad).why) == ("blocked", why)
    assert lead_now(engine, bad).clips is None
    assert lead_now(engine, good).state == "pending"
    with writing(engine) as connection:
        ranking = due.Ranking(dict.fromkeys((bad["zone_id"], good["zone_id"]), 100), 10)
        rows = due.take(connection, room.campaign.id, NOON, 9, 0, ranking)
    assert [row.id for row in rows] == [good["id"]]


def test_leads_are_prepared_batch_after_batch(room: Room, engine: Engine) -> None:
    room.preparer._batch = 2
    leads = [room.new(str(n)) for n in range(7)]
    assert [room.preparer.step(room.campaign) for _ in range(3)] == [2, 4, 1], "more, the quicker it goes"
    assert room.preparer.step(room.campaign) == 0
    assert {lead_now(engine, lead).state for lead in leads} == {"pending"}


def test_the_campaigns_phrases_are_made_first_and_once(room: Room, engine: Engine) -> None:
    with writing(engine) as connection:
        store.change(connection, room.campaign.id, room.campaign.created_at, phrases=None)
    room.new("Пётр")
    room.preparer.step(room.now())
    stored = room.now().phrases
    assert stored is not None
    name, ms, text = stored["ru"]["robot"]
    assert (room.speech.cache.has(name), ms > 0, "робот" in text) == (True, True, True)
    room.new("Анна")
    spoken = room.spoken
    room.preparer.step(room.now())
    assert room.spoken - spoken == {"Здравствуйте, Анна!": 1}


def test_without_the_phrases_no_lead_may_be_dialled(
    room: Room, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = room.new("Пётр")
    with writing(engine) as connection:
        store.change(connection, room.campaign.id, room.campaign.created_at, phrases=None)
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(VoiceError, match="not installed"):
        room.preparer.step(room.now())
    assert lead_now(engine, lead).state == "new"


def test_each_lead_hears_its_own_template(room: Room, engine: Engine) -> None:
    soft = add_template(engine, "soft", '[[fragment]]\nname = "soft"\ntext = "Добрый день, {name}!"')
    english = add_template(engine, "en", 'lang = "en"\n[[fragment]]\nname = "en"\ntext = "Hello, {name}!"')
    leads = {key: room.new("Anna", template_id=key) for key in (soft, english, None)}
    room.preparer.step(room.campaign)
    parts = {key: [clip[2] for clip in lead_now(engine, lead).clips] for key, lead in leads.items()}
    assert parts == {soft: ["soft"], english: ["en"], None: ["greeting", "debt"]}
    said = {"Добрый день, Anna!", "Hello, Anna!", "Здравствуйте, Anna!", "Ваш долг 100 рублей."}
    assert set(room.spoken) == said


def test_a_debtors_message_is_never_made_for_a_contact_person(room: Room, engine: Engine) -> None:
    friends = add_template(engine, "friends", FOR_CONTACTS)
    wrong = room.new("Пётр", role=Role.CONTACT)
    other = room.new("Анна", template_id=friends)
    good = room.new("Яна", role=Role.CONTACT, template_id=friends)
    room.preparer.step(room.campaign)
    for lead in (wrong, other):
        now = lead_now(engine, lead)
        assert (now.state, now.clips) == ("blocked", None)
        assert now.why.startswith("no audio: the template is for a")
    assert lead_now(engine, good).state == "pending"
    assert not any("долг" in text for text in room.spoken)


def test_a_campaign_begun_with_one_language_keeps_its_phrases_and_gets_what_it_lacks(room: Room) -> None:
    old, recorded = all_phrases()["ru"], ["cd" * 32, 5, "old"]
    old = {name: row for name, row in old.items() if not name.startswith(("menu", "no-such-key"))}
    with writing(room.engine) as connection:
        flat = old | {"robot": recorded}
        store.change(connection, room.campaign.id, room.campaign.created_at, phrases=flat)
    assert room.preparer.step(room.now()) == 0
    stored = room.now().phrases
    assert stored is not None
    assert set(stored) == {"ru"} and stored["ru"].keys() == all_phrases()["ru"].keys()
    before = room.spoken
    assert (room.preparer.step(room.now()), room.spoken) == (0, before)


def test_phrases_of_another_language_and_other_keys_come_beside_those_that_are_there(room: Room) -> None:
    keys = (Key("*", Action.OPT_OUT), Key("1", Action.PROMISE))
    made = Phrases(room.engine, room.speech, room.settings)
    made.make(room.campaign, "ru", [("uz", keys), ("ru", keys)])
    stored = room.now().phrases
    assert stored is not None
    assert menu_name(keys) in stored["ru"] and menu_name(keys) in stored["uz"]
    assert menu_name(DEFAULT) in stored["ru"] and menu_name(DEFAULT) not in stored["uz"]
    assert stored["uz"][menu_name(keys)][2].startswith(
        "Sizga boshqa qoʻngʻiroq qilmasligimiz uchun yulduzcha"
    )


def test_what_machines_hear_is_made_with_the_phrases(room: Room) -> None:
    source = 'for = "contact"\n[[fragment]]\nname = "call"\ntext = "Перезвоните нам."\n'
    with writing(room.engine) as connection:
        written = speech.add_template(connection, "machine", source, {}, NOON)
        store.change(connection, room.campaign.id, room.campaign.created_at, machine=str(written.id))
    room.preparer.step(room.now())
    stored = room.now().phrases
    assert stored is not None
    ((place, (name, ms, text)),) = stored["machine"].items()
    assert (place, room.speech.cache.has(name), ms > 0, text) == ("0", True, True, "Перезвоните нам.")


def test_a_message_that_lasts_too_long_is_not_called_with(room: Room, engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "tone.wav").write_bytes(tone(seconds=4))
    lead = room.new("Пётр")
    short = settings(tmp_path, speech={"max_message_s": 5})
    Preparer(engine, room.speech, short).step(room.campaign)
    now = lead_now(engine, lead)
    assert (now.state, now.why) == ("blocked", "no audio: it lasts 8 s, more than 5 (speech.max_message_s)")


def full(_handle: int) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_what_may_pass_is_tried_again_later_and_later(
    room: Room, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead, begin = room.new("Пётр"), room.settings.now()
    monkeypatch.setattr(os, "fsync", full)
    pauses = []
    for after_s in (0, 20, 70, 4 * 3600):
        with time_machine.travel(begin + timedelta(seconds=after_s), tick=False):
            step = room.preparer.work(room.campaign, lambda: None)
            assert (step.claimed, step.leads) == (1, 0)
            assert step.waiting == "audio cache: No space left on device"
            now = lead_now(engine, lead)
            assert (now.state, now.why) == ("new", "")
            pauses.append((now.due_at - room.settings.now()).total_seconds())
            assert room.preparer.work(room.campaign, lambda: None).claimed == 0, "not before that"
    assert pauses == [15, 20, 70, 3600]
    monkeypatch.undo()
    with time_machine.travel(begin + timedelta(days=1)):
        assert room.preparer.work(room.campaign, lambda: None).leads == 1
    assert lead_now(engine, lead).state == "pending"


def test_a_campaign_of_which_nothing_can_be_made_rests(
    room: Room, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    room.new("Пётр")
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(VoiceError, match="No space left"):
        room.preparer.step(room.campaign)
    room.new("Анна")
    assert room.preparer.step(room.campaign) == 0
    assert not any("Анна" in text for text in room.spoken), "nobody is asked while it rests"


def test_leads_keep_their_turn_while_their_audio_is_made(room: Room, engine: Engine) -> None:
    early, late = room.new("Пётр", due_at=after(-60)), room.new("Анна", due_at=after(-5))
    room.preparer.step(room.campaign)
    assert [lead_now(engine, lead).due_at for lead in (early, late)] == [after(-60), after(-5)]


def test_what_is_not_begun_in_time_goes_on_with_the_next_step(room: Room, engine: Engine) -> None:
    leads = [room.new(name) for name in ("Пётр", "Анна")]
    step = room.preparer.work(room.campaign, lambda: None, deadline=time.monotonic())
    assert (step.claimed, step.leads, step.waiting) == (2, 0, "")
    assert [lead_now(engine, lead).due_at for lead in leads] == [NOON, NOON]
    assert room.preparer.step(room.campaign) == 2


def test_a_step_that_breaks_gives_its_leads_back(
    room: Room, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    lead = room.new("Пётр")
    monkeypatch.setattr(room.speech, "make", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        room.preparer.step(room.campaign)
    assert (lead_now(engine, lead).state, lead_now(engine, lead).due_at) == ("new", NOON)


# From the command line.


def test_a_plan_tells_what_there_is_to_do_and_making_it_does_it(room: Room, engine: Engine) -> None:
    for name in ("Пётр", "Анна", "Пётр"):
        room.new(name)
    preparation = Preparation(engine, room.settings, room.speech, "autumn")
    plan = preparation.plan()
    assert (plan.leads, plan.pieces, plan.ready, plan.to_make, plan.kopecks) == (3, 3, 0, 3, 0)
    made: list[None] = []
    assert sum(leads for leads, _waits in preparation.make(lambda: made.append(None))) == 3
    assert len(made) == 3
    again = preparation.plan()
    assert (again.leads, again.to_make) == (0, 0)


def test_roubles_and_seconds_to_go_are_told(room: Room, engine: Engine, tmp_path: Path) -> None:
    speech = {"price": 16500, "provider": "yandex", "per_second": 0.5, "yandex": {"api_key": "k"}}
    given = settings(tmp_path, speech=speech)
    room.new("Пётр")
    plan = Preparation(engine, given, Speech(engine, given), "autumn").plan()
    characters = len("Здравствуйте, Пётр!") + len("Ваш долг 100 рублей.")
    assert (plan.characters, plan.kopecks) == (characters, -(-characters * 16500 // 1000))
    assert plan.seconds == 4, "as many as may be asked for a second"


def test_what_was_blocked_for_its_audio_is_tried_again_when_told_so(room: Room, engine: Engine) -> None:
    mute, barred = room.new("немо"), room.new("Анна", state=LeadState.BLOCKED, why="refused")
    room.preparer.step(room.campaign)
    assert lead_now(engine, mute).state == "blocked"
    room.log.with_name("espeak-ng").write_text('#!/bin/sh\nexec cat "$(dirname $0)/tone.wav"\n')
    preparation = Preparation(engine, room.settings, room.speech, "autumn")
    assert preparation.again("anna") == 1
    assert list(preparation.make(lambda: None)) == [(1, "")]
    assert (lead_now(engine, mute).state, lead_now(engine, barred).state) == ("pending", "blocked")
    assert [row.deed for row in rows_of(engine, audit.audit)] == ["campaign.prepare"]


def test_a_sums_atoms_are_made_before_any_lead(room: Room, engine: Engine) -> None:
    template = add_template(engine, "sum", '[[fragment]]\ntext = "Долг {sum:rub}"')
    add_campaign(engine, "sums", template_id=template, phrases={})
    list(Preparation(engine, room.settings, room.speech, "sums").make(lambda: None))
    assert {"двести", "рублей", "копейка"} <= set(room.spoken)
