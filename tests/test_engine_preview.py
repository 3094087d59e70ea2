"""What a lead hears, before and after it is prepared; the worst of a campaign and of a template's sample."""

import wave
from pathlib import Path
from typing import Any

import pytest
from builders import FOR_CONTACTS, SOURCE, Studio, add_campaign, add_lead, add_template, rows_of, settings
from sqlalchemy import Engine, update

from engine.campaign.preparing import Preparer
from engine.campaign.preview import Preview
from engine.campaign.service import Campaigns, Limits
from engine.errors import NotFound, UsageError
from engine.speech.message import message_of
from engine.speech.service import Speech
from storage import migrations
from storage import speech as speech_store
from storage.campaign import CampaignRow, lead
from storage.db import open_engine, reading, writing

ALL = """
[[fragment]]
name = "greeting"
text = {ru = "Здравствуйте, {name}!", en = "Hello, {name}!", uz = "Assalomu alaykum, {name}!"}
[[fragment]]
name = "debt"
text = {ru = "Ваш долг {sum:rub}.", en = "You owe {sum:rub}.", uz = "Qarzingiz {sum:rub}."}
[sample]
name = {ru = "Пётр", en = "Peter", uz = "Botir"}
sum = 124050
"""
LARGE = '[[fragment]]\nname = "large"\ntext = "{name}, срочно перезвоните."'
LIST = """external_id;person_id;phone;name;sum;role;lang
d1;1;9211230001;Пётр;124050;;
d2;2;9211230002;Анна;500;;ru
d3;3;9211230003;Mary;124050;;en
d4;4;9211230004;Botir;700;;uz
d5;5;9211230005;Вера;;contact;
d6;6;9211230006;Глеб;99000000;;
"""
FRIENDS, OWES_MUCH = "role = 'contact': friends", "sum >= 10000000: large"
WANTED = {  # fragments, and words of a voice's own
    "d1": ("ru", "Здравствуйте, Пётр! Ваш долг одна тысяча двести сорок рублей пятьдесят копеек"),
    "d2": ("ru", "Здравствуйте, Анна! Ваш долг пять рублей"),
    "d3": ("en", "Hello, Mary! You owe one thousand two hundred forty roubles fifty kopecks"),
    "d4": ("uz", "Assalomu alaykum, Botir! Qarzingiz yetti rubl"),
    "d5": ("ru", "Здравствуйте, Вера! Передайте, пожалуйста, что мы звонили."),
    "d6": ("ru", "Глеб, срочно перезвоните."),
}


class Room:
    """A campaign of people who speak three languages and hear three templates, with a real voice."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine, self.folder, self.settings = engine, folder, settings(folder)
        self.speech = Speech(engine, self.settings)
        self.preview = Preview(engine, self.settings, self.speech)
        for name, source in {"all": ALL, "friends": FOR_CONTACTS, "large": LARGE}.items():
            add_template(engine, name, source)
        self.campaigns = Campaigns(engine, self.settings)

    def fill(self, name: str = "autumn") -> CampaignRow:
        row = self.campaigns.create(name, "all", ["trunk"], Limits(), "me", messages=(FRIENDS, OWES_MUCH))
        (self.folder / "list.csv").write_text(LIST)
        assert self.campaigns.fill(name, self.folder / "list.csv", "me").imported == 6
        return row

    def prepare(self, campaign: CampaignRow) -> None:
        assert Preparer(self.engine, self.speech, self.settings).work(campaign, lambda: None).leads == 6

    @property
    def leads(self) -> dict[str, Any]:
        return {row.key: row for row in rows_of(self.engine, lead)}


@pytest.fixture
def room(engine: Engine, tmp_path: Path) -> Room:
    return Room(engine, tmp_path)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Speech:
    """The same voice, on a machine that has never spoken."""
    folder = tmp_path / "elsewhere"
    engine = open_engine(f"sqlite:///{folder / 'zvonar.db'}")
    migrations.upgrade(engine)
    return Speech(engine, settings(folder))


def frames(file: Path) -> bytes:
    with wave.open(str(file)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (8000, 1)
        return sound.readframes(sound.getnframes())


def test_each_lead_has_the_clips_of_its_own_template_in_its_own_language(
    room: Room, elsewhere: Speech
) -> None:
    campaign = room.fill()
    room.prepare(campaign)
    assert set(room.leads) == set(WANTED)
    for key, row in room.leads.items():
        assert row.state == "pending", row.why
        with reading(room.engine) as connection:
            template = speech_store.template_of(connection, row.template_id or campaign.template_id)
        message, (lang, text) = message_of(template), WANTED[key]
        pieces = message.pieces(row.variables, row.lang)
        assert " ".join(piece.text for piece in pieces) == text
        made = elsewhere.make(pieces, lang).whole()
        assert [clip[0] for clip in row.clips] == [
            clip.name for clip in message.clips(row.variables, made, row.lang)
        ]


def test_a_lead_is_heard_before_it_is_prepared_as_it_will_be(room: Room) -> None:
    campaign = room.fill()
    asked = (("all", "d3"), ("all", "+7 921 123-00-04"), ("friends", "d5"), ("large", "d6"))
    for name, who in asked:
        assert room.preview.lead(name, who, room.folder / f"{who}.before.wav") > 500
    assert not any(row.clips for row in room.leads.values())
    room.prepare(campaign)
    for name, who in asked:
        ms = room.preview.lead(name, who, room.folder / f"{who}.wav")
        heard = frames(room.folder / f"{who}.wav")
        assert heard == frames(room.folder / f"{who}.before.wav")
        assert ms == len(heard) // 16


def test_of_a_prepared_lead_the_very_files_are_joined(room: Room) -> None:
    """Whatever the template would say by now."""
    room.prepare(room.fill())
    row, out = room.leads["d1"], room.folder / "out.wav"
    backwards = row.clips[::-1]
    with writing(room.engine) as connection:
        connection.execute(update(lead).where(lead.c.id == row.id).values(clips=backwards))
    room.preview.lead("all", "d1", out)
    wanted = room.folder / "wanted.wav"
    room.speech.cache.join([name for name, *_ in backwards], wanted)
    assert frames(out) == frames(wanted)


def test_whom_is_meant(room: Room) -> None:
    room.fill()
    out = room.folder / "out.wav"
    with pytest.raises(NotFound, match="no lead 'd9' hears template 'all'"):
        room.preview.lead("all", "d9", out)
    with pytest.raises(NotFound, match="no lead 'd5' hears template 'all'"):  # he hears another
        room.preview.lead("all", "d5", out)
    with pytest.raises(NotFound, match="no lead '\\+79211239999' in campaign 'autumn' hears"):
        room.preview.lead("all", "+79211239999", out, "autumn")
    assert not out.exists()
    room.fill("winter")
    with pytest.raises(UsageError, match="several leads are meant: d1 in autumn, d1 in winter; name one"):
        room.preview.lead("all", "d1", out)
    assert room.preview.lead("all", "d1", out, "winter") > 500


def test_the_worst_of_a_campaign(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(engine, tmp_path, monkeypatch)
    preview = Preview(engine, studio.settings, studio.speech)
    own = add_template(engine, "all", ALL)
    campaign = add_campaign(engine, template_id=own)
    people = {
        "short": ("Ян", "100", ""),
        "long": ("Пётр", "77777777", "ru"),
        "name": ("Alexandra Constantina", "100", "en"),
        "uz": ("Botir", "100", "uz"),
        "cannot": ("Анна", "", ""),
    }
    for key, (name, sum_, lang) in people.items():
        add_lead(engine, campaign, key=key, variables={"name": name, "sum": sum_}, lang=lang)
    other = add_template(engine, "other", LARGE)
    add_lead(engine, campaign, key="other", variables={"name": "x" * 99}, template_id=other)
    done: list[int] = []
    rows = preview.worst("all", tmp_path / "worst", "autumn", done.append)
    found = {case: row for row in rows for case in row["cases"]}
    assert {case: row["who"] for case, row in found.items()} == {
        "longest-ru": "long",
        "longest-en": "name",
        "longest-uz": "uz",
        "name": "name",
        "joined": "long",
    }
    long = found["joined"]
    assert long["text"] == (
        "Здравствуйте, Пётр! Ваш долг семьсот семьдесят семь тысяч"
        " семьсот семьдесят семь рублей семьдесят семь копеек"
    )
    assert (long["lang"], long["pieces"], long is found["longest-ru"]) == ("ru", 5, True)
    assert long["synthesised"][:2] == ["Здравствуйте, Пётр!", "Ваш долг"]
    assert sorted(file.name for file in (tmp_path / "worst").iterdir()) == sorted(
        f"{row['cases'][0]}.wav" for row in rows
    )
    for row in rows:
        assert len(frames(Path(row["file"]))) // 16 == row["ms"]
    again = preview.worst("all", tmp_path / "worst", "autumn")
    assert [row["synthesised"] for row in again] == [[]] * len(rows)  # all was there
    with pytest.raises(NotFound, match="nobody in campaign 'autumn' hears template 'none'"):
        preview.worst("none", tmp_path, "autumn")
    with pytest.raises(NotFound, match="no campaign named 'x'"):
        preview.worst("all", tmp_path, "x")


def test_the_sample_of_a_template(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = Studio(engine, tmp_path, monkeypatch)
    preview = Preview(engine, studio.settings, studio.speech)
    add_template(engine, "all", ALL)
    rows = preview.worst("all", tmp_path / "worst")
    assert {row["lang"]: row["who"] for row in rows} == dict.fromkeys(("ru", "en", "uz"), "sample")
    assert any(row["text"].startswith("Hello, Peter! You owe one thousand") for row in rows)
    add_template(engine, "debt", SOURCE)
    with pytest.raises(UsageError, match=r"template 'debt' has no \[sample\]; name a campaign"):
        preview.worst("debt", tmp_path)
    with pytest.raises(NotFound, match="no template named 'none'"):
        preview.worst("none", tmp_path)
