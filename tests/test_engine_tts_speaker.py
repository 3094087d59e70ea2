"""The speaker: when the first voice cannot, the second does; pace, rest, budget and cost as settings say."""

from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from builders import add_program, tone
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client import REGISTRY
from speechkit import KEY, SpeechKit, lpcm, other, refused, said

from engine.errors import VoiceDown, VoiceError
from engine.gateways.tts_speaker import (
    IN_A_ROW,
    REST_S,
    Breaker,
    Budget,
    Pace,
    Speaker,
    Spoken,
    cost,
    count,
    count_failure,
)
from engine.sections_speech import Speech

TEXT = "Здравствуйте, Пётр!"


def speech(kit: SpeechKit, **given: Any) -> Speech:
    yandex = {"url": kit.url, "api_key": KEY}
    return Speech.model_validate(
        {"provider": "yandex", "yandex": yandex, "fallback": "espeak", "price": 132, **given}
    )


class Clock:
    """A clock that goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_the_first_voice_speaks_and_what_it_cost_is_told() -> None:
    with SpeechKit() as kit:
        speaker = Speaker(speech(kit), "ru")
        spoken = speaker.speak(TEXT)
    assert spoken.wav[44:] == lpcm(TEXT)
    assert (spoken.voice_id, spoken.why) == (speaker.id, "")
    assert (spoken.characters, spoken.kopecks) == (19, 3)  # 19 x 1.32 roubles for 1,000: 2.508 kopecks
    assert speaker.billed(TEXT) == 19
    assert spoken.seconds > 0


def test_the_second_voice_speaks_with_its_own_name_when_the_first_cannot() -> None:
    with SpeechKit(refused(401)) as kit:
        speaker = Speaker(speech(kit, voice="alena", voices={"en": "john"}), "ru")
        spoken = speaker.speak(TEXT)
    assert spoken.voice_id == "espeak/ru/150/1"
    assert spoken.why.startswith("yandex: HTTP 401")
    assert (spoken.characters, spoken.kopecks) == (0, 0)
    assert speaker.id.startswith("yandex/")


def test_what_sounds_like_nothing_is_said_by_the_second_voice() -> None:
    with SpeechKit(other(b"\1\0\xff\xff" * 4000)) as kit:
        spoken = Speaker(speech(kit), "ru").speak(TEXT)
    assert spoken.voice_id.startswith("espeak/")
    assert spoken.why == "the voice said nothing"


def test_without_a_second_voice_the_failure_is_told() -> None:
    with SpeechKit(refused(403)) as kit, pytest.raises(VoiceDown, match="HTTP 403"):
        Speaker(speech(kit, fallback=""), "ru").speak(TEXT)


def test_when_both_fail_both_reasons_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_program(monkeypatch, tmp_path, "espeak-ng", "exit 7")
    with (
        SpeechKit(refused(403)) as kit,
        pytest.raises(VoiceError, match=r"HTTP 403.*; the second voice: .*failed: 7"),
    ):
        Speaker(speech(kit), "ru").speak(TEXT)


def test_after_failures_in_a_row_the_first_rests_for_a_minute_and_is_tried_again() -> None:
    clock = Clock()
    with SpeechKit(refused(401)) as kit:
        speaker = Speaker(speech(kit), "ru", clock=clock)
        whys = [speaker.speak(TEXT).why for _ in range(IN_A_ROW + 2)]
        assert len(kit.texts) == IN_A_ROW
        assert ["rests" in why for why in whys] == [False] * IN_A_ROW + [True] * 2
        clock.now += REST_S - 1
        assert "rests" in speaker.speak(TEXT).why
        clock.now += 1
        assert "401" in speaker.speak(TEXT).why
        assert "rests" in speaker.speak(TEXT).why  # once more is enough
        clock.now += REST_S
        kit.replies = [said]
        assert [speaker.speak(TEXT).why for _ in range(3)] == [""] * 3


def test_a_text_that_it_refuses_is_no_reason_to_rest() -> None:
    with SpeechKit(refused(400)) as kit:
        speaker = Speaker(speech(kit), "ru")
        assert all("HTTP 400" in speaker.speak(TEXT).why for _ in range(3 * IN_A_ROW))


def test_what_nobody_has_recorded_the_second_voice_says_however_often(tmp_path: Path) -> None:
    (tmp_path / "ru").mkdir()
    (tmp_path / "ru" / "index.csv").write_text("text;file\nдвести;200.wav\n")
    (tmp_path / "ru" / "200.wav").write_bytes(tone())
    speaker = Speaker(Speech(provider="wav", recordings=str(tmp_path), fallback="festival"), "ru")
    assert speaker.speak("рублей").voice_id.startswith("festival/")
    assert all(speaker.speak(TEXT).voice_id.startswith("festival/") for _ in range(IN_A_ROW))
    assert speaker.speak("двести").voice_id == speaker.id


def test_what_is_not_paid_for_is_not_asked_for() -> None:
    with SpeechKit() as kit:
        spoken = Speaker(speech(kit), "ru").speak(TEXT, paid=False)
        with pytest.raises(VoiceDown, match="budget of characters is used up"):
            Speaker(speech(kit, fallback=""), "ru").speak(TEXT, paid=False)
    assert (spoken.voice_id, spoken.kopecks) == ("espeak/ru/150/1", 0)
    assert "budget" in spoken.why
    assert kit.texts == []


def test_requests_are_as_far_apart_as_settings_say_however_many_processes_there_are() -> None:
    with SpeechKit() as kit:
        speaker = Speaker(speech(kit, per_second=20), "ru", processes=2)
        for _ in range(4):
            speaker.speak(TEXT)
    assert kit.times[-1] - kit.times[0] >= 0.25


@given(st.floats(0.1, 100), st.lists(st.floats(0, 5), min_size=2, max_size=30))
def test_no_second_has_more_beginnings_than_permitted(per_second: float, pauses: list[float]) -> None:
    clock = Clock()
    pace, begun = Pace(per_second, clock), []
    for pause in pauses:
        clock.now += pause
        begun.append(clock.now + pace.delay())
    assert all(after - before >= 1 / per_second - 1e-6 for before, after in pairwise(begun))
    assert Pace(0, clock).delay() == 0


@given(st.integers(1, 1000), st.integers(0, 500), st.lists(st.integers(1, 300)))
def test_a_budget_is_never_overdrawn_and_takes_what_fits(per_day: int, spent: int, texts: list[int]) -> None:
    budget = Budget(per_day, spent)
    for characters in texts:
        before = budget.spent
        taken = budget.take(characters)
        assert taken == (before + characters <= per_day)
        assert budget.spent == before + (characters if taken else 0)


@given(st.lists(st.integers(0, 10**9)))
def test_without_a_limit_all_is_taken_and_counted(texts: list[int]) -> None:
    budget = Budget(0)
    assert all(budget.take(characters) for characters in texts)
    assert budget.spent == sum(texts)


@given(st.integers(0, 10**9), st.integers(0, 10**6))
def test_a_cost_is_rounded_up_to_whole_kopecks(characters: int, price: int) -> None:
    assert cost(characters, price) * 1000 >= characters * price > (cost(characters, price) - 1) * 1000


def test_a_voice_that_works_in_between_does_not_rest() -> None:
    breaker = Breaker(Clock())
    for _ in range(3):
        for _ in range(IN_A_ROW - 1):
            breaker.note(True)
        breaker.note(False)
    assert not breaker.open()


def test_what_was_spoken_is_counted_by_voice() -> None:
    def counted(name: str, **labels: str) -> float:
        return REGISTRY.get_sample_value(f"zvonar_voice_{name}", labels) or 0

    before = [
        counted("requests_total", voice="yandex", result=result) for result in ("spoken", "instead", "failed")
    ]
    characters, seconds = (
        counted("characters_total", voice="yandex"),
        counted("seconds_count", voice="yandex"),
    )
    count(Spoken(b"", "yandex/v1/a", 19, 132, 0.3))
    count(Spoken(b"", "yandex/v1/a", 1, 132, 0.3, "for a reason"))
    count_failure("yandex/v1/a")
    after = [
        counted("requests_total", voice="yandex", result=result) for result in ("spoken", "instead", "failed")
    ]
    assert [now - then for now, then in zip(after, before, strict=True)] == [1, 1, 1]
    assert counted("characters_total", voice="yandex") - characters == 20
    assert counted("seconds_count", voice="yandex") - seconds == 2
