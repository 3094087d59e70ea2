"""Voices by their settings: which one speaks, and what it is known by."""

import pickle

import pytest

from engine.errors import SettingsError
from engine.gateways.tts import fallback_for, voice_for
from engine.gateways.tts_identity import identity
from engine.sections_speech import Speech


def test_the_id_tells_all_that_decides_the_sound() -> None:
    kinds = [Speech(), Speech(voice="ru+f3"), Speech(speed=170), Speech(version="2")]
    ids = {voice_for(kind, lang).id for kind in kinds for lang in ("ru", "en")}
    assert len(ids) == 7  # English has one voice for the first two
    assert voice_for(Speech(), "ru").id == "espeak/ru/150/1"


def test_each_language_has_a_voice_of_its_own() -> None:
    speech = Speech(voice="ru+f3", voices={"en": "en-us", "uz": "uz+f2"})
    ids = [voice_for(speech, lang).id for lang in ("ru", "en", "uz")]
    assert ids == ["espeak/ru+f3/150/1", "espeak/en-us/150/1", "espeak/uz+f2/150/1"]
    assert voice_for(Speech(voice="ru+f3"), "uz").id == "espeak/uz/150/1"


@pytest.mark.parametrize("voices", [{"ru": "ru+f3"}, {"fr": "fr"}, {"en": "en us"}, {"en": "(quit)"}])
def test_voices_are_of_languages_that_there_are_and_names_are_plain(voices: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Speech(voices=voices)


def test_an_unknown_adapter_is_a_wrong_setting() -> None:
    with pytest.raises(SettingsError, match=r"speech\.provider: .*'robot'; there is: espeak, festival"):
        voice_for(Speech(provider="robot"), "ru")
    with pytest.raises(SettingsError, match=r"speech\.fallback: .*'robot'; there is: espeak, festival"):
        fallback_for(Speech(fallback="robot"), "ru")


def test_the_second_voice_is_the_usual_one_of_its_provider() -> None:
    second = fallback_for(Speech(provider="yandex", voice="alena", fallback="festival"), "ru")
    assert second.id == "festival/msu_ru_nsh_clunits/1"


def test_an_identity_is_short_enough_for_the_table_of_costs() -> None:
    assert identity("a", 1, "b") == "a/1/b"
    long = [identity("a", "x" * 100), identity("a", "x" * 101), identity("a", "\n")]
    assert all(one.startswith("a/") and len(one) <= 64 and one.isprintable() for one in long)
    assert len(set(long)) == 3


def test_settings_can_be_sent_to_a_worker() -> None:
    speech = Speech(provider="festival", voices={"en": "en-us"})
    assert pickle.loads(pickle.dumps(speech)) == speech  # noqa: S301  # our own
