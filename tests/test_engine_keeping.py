"""The audio cache as time goes by: what is needed stays, what is broken is mended, nobody hears nothing."""

import os
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from builders import Studio, add_campaign, add_lead, lead_now, rows_of, tone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis
from hypothesis import strategies as st
from sqlalchemy import Engine

from engine.speech import sound
from engine.speech.clip import Said
from engine.speech.keeping import Keeping
from storage import campaign as campaigns
from storage import speech as store
from storage.db import writing
from storage.vocab import AudioState, CampaignState, LeadState

SIZE = 1600


class Attic(Studio):
    """A cache of files whose ages are told."""

    def __init__(self, engine: Engine, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(engine, folder, monkeypatch)
        self.engine, self.now = engine, self.settings.now()
        self.cache = self.speech.cache

    def keeping(self, files: float = 1000) -> Keeping:
        """One whose limit is so many files."""
        limit = self.settings.speech.model_copy(update={"cache_gb": files * SIZE / 10**9})
        changed = self.settings.model_copy(update={"speech": limit})
        return Keeping(self.engine, changed, self.speech)

    def add(self, number: int, hours: float, text: str = "") -> str:
        """A file that was asked for so long ago."""
        name = self.cache.put(number.to_bytes(4, "big") * (SIZE // 4))
        row = {"key": f"{number:064x}", "file": name, "state": AudioState.READY, "ms": 200, "bytes": SIZE}
        row |= {"voice": "v", "text": text, "created_at": self.ago(hours), "used_at": self.ago(hours)}
        with writing(self.engine) as connection:
            connection.execute(store.audio.insert(), [row])
        return name

    def ago(self, hours: float) -> datetime:
        return self.now - timedelta(hours=hours)

    def lead(self, state: CampaignState, lead: LeadState, *files: str) -> dict[str, Any]:
        campaign = add_campaign(self.engine, f"c{len(rows_of(self.engine, campaigns.campaign))}", state=state)
        return add_lead(self.engine, campaign, state=lead, clips=[[file, 200, "a"] for file in files])

    @property
    def files(self) -> set[str]:
        return {entry.name for _digits, entries in self.cache.folders() for entry in entries}


@pytest.fixture
def attic(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Attic:
    return Attic(engine, tmp_path, monkeypatch)


def test_the_longest_unused_go_first_until_the_limit(attic: Attic) -> None:
    names = [attic.add(number, hours) for number, hours in enumerate((30, 90, 60, 24, 120))]
    would = attic.keeping(3).gc(dry_run=True)
    assert (would.dropped, len(attic.files)) == (2, 5)
    swept = attic.keeping(3).gc()
    assert (swept.files, swept.bytes, swept.dropped, swept.dropped_bytes) == (5, 5 * SIZE, 2, 2 * SIZE)
    assert attic.files == {names[0], names[2], names[3]}
    assert {row.file for row in rows_of(attic.engine, store.audio)} == attic.files
    attic.keeping(0.1).gc()
    assert attic.files == {names[3]}, "asked for within a day: somebody may be about to use it"


def test_what_a_campaign_needs_stays(attic: Attic) -> None:
    names = [attic.add(number, 1000) for number in range(9)]
    attic.lead(CampaignState.RUNNING, LeadState.PENDING, names[0], names[1])
    attic.lead(CampaignState.PAUSED, LeadState.IN_FLIGHT, names[2])
    attic.lead(CampaignState.STOPPED, LeadState.PENDING, names[3])
    attic.lead(CampaignState.RUNNING, LeadState.DONE, names[4])
    attic.lead(CampaignState.DONE, LeadState.PENDING, names[5])
    add_campaign(attic.engine, "flat", phrases={"robot": [names[6], 200, "text"]})
    add_campaign(attic.engine, "deep", phrases={"ru": {"robot": [names[7], 200, "text"]}})
    attic.keeping(0.1).gc()
    assert attic.files == {*names[:4], *names[6:8]}


def test_recordings_of_people_are_never_dropped(attic: Attic, tmp_path: Path) -> None:
    (tmp_path / "end.wav").write_bytes(tone())
    file = tmp_path / "t.toml"
    file.write_text('[[fragment]]\nname = "end"\nwav = "end.wav"')
    attic.templates.set("t", file, "anna")
    (kept,) = attic.files
    age(attic.cache.path(kept))
    attic.keeping(0.1).gc()
    assert attic.files == {kept}


def age(path: Path) -> None:
    os.utime(path, (time.time() - 7200,) * 2)


def test_what_nobody_knows_goes_unless_it_is_young(attic: Attic) -> None:
    known = attic.add(1, 1)
    old, young = (attic.cache.put(content * SIZE) for content in (b"a", b"b"))
    draft = attic.cache.path(known).with_name(".x.draft")
    foreign = attic.cache.path(known).with_name("README")
    for path in (draft, foreign):
        path.write_text("x")
    for path in (attic.cache.path(old), attic.cache.path(known), draft, foreign):
        age(path)
    lost = attic.add(2, 1000)
    attic.cache.drop(lost)
    swept = attic.keeping().gc()
    assert (swept.strays, swept.missing) == (2, 1)
    assert attic.files == {known, young}
    assert foreign.exists()
    assert [row.file for row in rows_of(attic.engine, store.audio)] == [known]


@hypothesis(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ages=st.lists(st.floats(0, 200), min_size=1, max_size=12),
    needs=st.lists(
        st.tuples(st.integers(0, 11), st.sampled_from(list(CampaignState)), st.sampled_from(list(LeadState))),
        max_size=6,
    ),
    limit=st.floats(0.01, 12),
)
@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_gc_never_drops_what_is_needed(
    attic: Attic, ages: list[float], needs: list[tuple[int, CampaignState, LeadState]], limit: float
) -> None:
    with writing(attic.engine) as connection:
        for table in (campaigns.lead, campaigns.campaign, store.audio):
            connection.execute(table.delete())
    for file in attic.files:
        attic.cache.drop(file)
    names = [attic.add(number, hours) for number, hours in enumerate(ages)]
    needed = set()
    for number, campaign, lead in needs:
        file = names[number % len(names)]
        attic.lead(campaign, lead, file)
        if campaign is not CampaignState.DONE and lead in (LeadState.PENDING, LeadState.IN_FLIGHT):
            needed.add(file)
    swept = attic.keeping(limit).gc()
    fresh = {name for name, hours in zip(names, ages, strict=True) if hours < 25}
    assert needed | fresh <= attic.files
    assert len(attic.files) * SIZE == swept.bytes - swept.dropped_bytes
    assert attic.files == needed | fresh or len(attic.files) <= limit, "more could have gone"
    assert len(attic.files) == len(names) or len(attic.files) > limit - 1, "more went than had to"


# Broken files.


def test_broken_files_are_made_again_and_their_leads_wait(attic: Attic) -> None:
    texts = [Said("a"), Said("b"), Said("c"), Said("сорок два", joined=True)]
    attic.vary()
    clips = attic.speech.make(texts, "ru").whole()
    leads = [attic.lead(CampaignState.RUNNING, LeadState.PENDING, clips[text].name) for text in texts]
    calling = attic.lead(CampaignState.RUNNING, LeadState.IN_FLIGHT, clips[texts[0]].name)
    paths = [attic.cache.path(clips[text].name) for text in texts]
    before = [path.read_bytes() for path in paths]
    paths[0].write_bytes(b"x" + before[0][1:])
    paths[1].unlink()
    paths[3].write_bytes(before[3][:160])
    seen: list[None] = []
    found = attic.keeping().verify(lambda: seen.append(None))
    assert (found.broken, found.failed, found.leads, found.templates) == (3, 0, 3, [])
    assert found.mended and len(seen) == found.files
    assert [path.read_bytes() for path in paths] == before
    states = [lead_now(attic.engine, lead).state for lead in (*leads, calling)]
    assert states == ["new", "new", "pending", "new", "in-flight"]
    assert lead_now(attic.engine, leads[0]).clips is None
    assert attic.keeping().verify().broken == 0


def test_what_cannot_be_made_again_is_told(attic: Attic, tmp_path: Path) -> None:
    (tmp_path / "end.wav").write_bytes(tone(seconds=0.9))
    file = tmp_path / "t.toml"
    file.write_text('[[fragment]]\nname = "end"\nwav = "end.wav"')
    attic.templates.set("t", file, "anna")
    clip = attic.speech.make([Said("a")], "ru").whole()[Said("a")]
    other = attic.add(7, 1, "from a voice that is no more")
    for name in attic.files:
        attic.cache.drop(name)
    attic.log.with_name("espeak-ng").write_text("#!/bin/sh\nexit 1\n")
    found = attic.keeping().verify()
    assert (found.broken, found.rebuilt, found.failed) == (2, 0, 1)
    assert (found.templates, found.mended) == (["t (version 1)"], False)
    rows = {row.text: row.state for row in rows_of(attic.engine, store.audio)}
    assert rows == {"a": "ready"}, f"{clip.name} is tried again when it is needed, {other} is forgotten"


def test_phrases_of_campaigns_go_by_the_file_that_was_made_instead(attic: Attic) -> None:
    clip = attic.speech.make([Said("a")], "ru").whole()[Said("a")]
    kept = {"ru": {"robot": [clip.name, clip.ms, "a"]}}
    campaign = add_campaign(attic.engine, phrases=kept)
    (attic.log.parent / "tone.wav").write_bytes(tone(seconds=0.8))  # it never says the same twice
    attic.cache.drop(clip.name)
    attic.keeping().verify()
    (now,) = rows_of(attic.engine, campaigns.campaign)
    name, ms, text = now.phrases["ru"]["robot"]
    assert (now.id, text) == (campaign.id, "a")
    assert name != clip.name and attic.cache.whole(name)
    assert ms == sound.length_ms(attic.cache.read(name), "alaw") > clip.ms


def test_files_of_before_are_looked_at_too(attic: Attic) -> None:
    name = "ab" * 32
    path = attic.cache.root / "ab" / f"{name}.wav"
    path.parent.mkdir(parents=True)
    path.write_bytes(tone(8000))
    lead = attic.lead(CampaignState.RUNNING, LeadState.PENDING, name)
    assert attic.keeping().verify().leads == 0
    path.write_bytes(tone(8000)[:-7])
    assert attic.keeping().verify().leads == 1
    assert lead_now(attic.engine, lead).state == "new"


def test_stats_tell_what_is_there_and_how_much_of_it_was_at_hand(attic: Attic) -> None:
    clips = attic.speech.make([Said("a"), Said("b")], "ru").whole()
    for _ in range(4):
        attic.lead(CampaignState.RUNNING, LeadState.PENDING, *(clip.name for clip in clips.values()))
    stats = attic.keeping().stats()
    assert (stats["files"], stats["fragments"], stats["played"], stats["hits"]) == (1, 2, 8, 0.75)
    assert stats["voices"]["espeak/ru/150/1"]["fragments"] == 2
    assert stats["cost"] == {"requests": 2, "characters": 0, "kopecks": 0}
