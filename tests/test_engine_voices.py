"""Each provider from its settings to what is heard: a message is rendered, the trunk's format, the cost."""

from pathlib import Path
from typing import Any

import pytest
from builders import add_campaign, add_lead, all_phrases, lead_now, rows_of, settings, tone
from speechkit import KEY, SpeechKit, lpcm, refused, said
from sqlalchemy import Engine

from engine.campaign.preparing import Preparer
from engine.errors import VoiceError
from engine.gateways.tts import voice_for
from engine.gateways.tts_speaker import IN_A_ROW, cost
from engine.speech import sound, wav
from engine.speech.service import Speech
from engine.speech.templates import Templates
from storage import speech as store
from storage.vocab import LeadState

SOURCE = '[[fragment]]\ntext = "Здравствуйте, {name}!"'
HELLO = "Здравствуйте, Анна!"


def rendered(engine: Engine, folder: Path, **speech: Any) -> bytes:
    """The message as `template render` writes it."""
    made = Speech(engine, settings(folder, speech=speech))
    templates = Templates(engine, made)
    (folder / "hello.toml").write_text(SOURCE)
    templates.set("hello", folder / "hello.toml", "anna")
    templates.render("hello", {"name": "Анна"}, folder / "out.wav")
    return (folder / "out.wav").read_bytes()


@pytest.mark.parametrize("provider", ["espeak", "festival", "command", "wav", "yandex"])
@pytest.mark.parametrize("form", ["alaw", "ulaw", "slin"])
def test_every_provider_renders_a_message_in_every_format(
    provider: str, form: str, engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "ru").mkdir()
    (tmp_path / "ru" / "index.csv").write_text(f"text;file\n{HELLO};a.wav\n")
    (tmp_path / "ru" / "a.wav").write_bytes(tone(44100, 2))
    with SpeechKit() as kit:
        given: dict[str, Any] = {
            "provider": provider,
            "format": form,
            "recordings": str(tmp_path),
            "command": {"program": ["espeak-ng", "--stdin", "--stdout", "-v", "{lang}"]},
            "yandex": {"url": kit.url, "api_key": KEY},
        }
        heard = rendered(engine, tmp_path, **given)
        its_own = voice_for(settings(tmp_path, speech=given).speech, "ru").speak(HELLO)
    assert heard == sound.wav_of(sound.finish(its_own, form), form)
    (file,) = (tmp_path / "audio").glob(f"*/*{sound.ending(form)}")
    assert len(file.read_bytes()) % 160 == 0
    assert wav.read(heard)[1] == 8000


def test_a_message_is_rendered_by_the_second_voice_when_the_first_refuses(
    engine: Engine, tmp_path: Path
) -> None:
    with SpeechKit(refused(401)) as kit:
        yandex = {"provider": "yandex", "yandex": {"url": kit.url, "api_key": KEY}}
        with pytest.raises(VoiceError, match="HTTP 401"):
            rendered(engine, tmp_path, **yandex)
        heard = rendered(engine, tmp_path, **yandex, fallback="espeak")
    assert wav.read(heard)[0].size > 4000
    assert heard != sound.wav_of(sound.finish(wav.write(lpcm(HELLO)), "alaw"), "alaw")


def prepared(engine: Engine, folder: Path, kit: SpeechKit, **speech: Any) -> tuple[set[str], dict[str, Any]]:
    """States of 30 leads after a campaign's preparing by Yandex; voice -> requests, characters, kopecks."""
    yandex = {"provider": "yandex", "price": 132, "workers": 1, "yandex": {"url": kit.url, "api_key": KEY}}
    here = settings(folder, speech=yandex | speech)
    campaign = add_campaign(engine, phrases=all_phrases())
    leads = [
        add_lead(
            engine, campaign, variables={"name": f"Анна {n}", "sum": "100"}, state=LeadState.NEW, clips=None
        )
        for n in range(30)
    ]
    Preparer(engine, Speech(engine, here), here).step(campaign)
    costs = {row.voice: (row.requests, row.characters, row.kopecks) for row in rows_of(engine, store.cost)}
    return {lead_now(engine, lead).state for lead in leads}, costs


DEBT = len("Ваш долг 100 рублей.")
NAMES = [len(f"Здравствуйте, Анна {n}!") for n in range(30)]


def test_a_campaign_goes_on_while_the_first_voice_fails_and_its_cost_is_told(
    engine: Engine, tmp_path: Path
) -> None:
    with SpeechKit(*[said] * 10, refused(403)) as kit:
        states, costs = prepared(engine, tmp_path, kit, fallback="espeak")
    characters = sum(map(len, kit.texts[:10]))
    assert states == {"pending"}
    assert costs == {
        "yandex/v1/ru-RU/marina//1/1": (10, characters, cost(characters, 132)),
        "espeak/ru/150/1": (21, 0, 0),
    }
    assert len(kit.texts) == 10 + IN_A_ROW


def test_the_rest_of_a_day_without_budget_is_the_second_voices(engine: Engine, tmp_path: Path) -> None:
    with SpeechKit() as kit:
        states, costs = prepared(engine, tmp_path, kit, fallback="espeak", per_day=300)
    spent = sum(map(len, kit.texts))
    assert states == {"pending"}
    assert 300 - max(NAMES) < spent <= 300
    assert costs["yandex/v1/ru-RU/marina//1/1"] == (len(kit.texts), spent, cost(spent, 132))
    assert costs["espeak/ru/150/1"] == (31 - len(kit.texts), 0, 0)


def test_the_bill_is_that_of_all_distinct_texts(engine: Engine, tmp_path: Path) -> None:
    with SpeechKit() as kit:
        states, costs = prepared(engine, tmp_path, kit)
    characters = DEBT + sum(NAMES)
    assert states == {"pending"}
    assert costs == {"yandex/v1/ru-RU/marina//1/1": (31, characters, cost(characters, 132))}
