"""Yandex SpeechKit: asked as its documents say, and whatever it answers ends in sound or in a VoiceError."""

import pickle
from pathlib import Path
from typing import Any

import pytest
from speechkit import (
    KEY,
    TOKEN,
    Reply,
    SpeechKit,
    cut,
    cut_in_pieces,
    dripping,
    hung_up,
    lpcm,
    other,
    pieces,
    refused,
    said,
    silent,
    unframed,
)

from engine.errors import SettingsError, VoiceDown, VoiceError
from engine.gateways.tts import Voice, voice_for
from engine.sections_speech import Speech, Yandex
from engine.speech import sound, wav

TEXT = "Здравствуйте, Пётр! Ваш долг 100 рублей."
APIS = ("v1", "v3")


def speech(kit: SpeechKit, api: str = "v1", *, timeout_s: float = 20, **given: Any) -> Speech:
    yandex = {"api": api, "url": kit.url, "api_key": KEY, **given.pop("yandex", {})}
    return Speech.model_validate({"provider": "yandex", "timeout_s": timeout_s, "yandex": yandex, **given})


def voice(kit: SpeechKit, api: str = "v1", lang: str = "ru", **given: Any) -> Voice:
    return voice_for(speech(kit, api, **given), lang)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("lang", ["ru", "en", "uz"])
def test_a_text_is_spoken_in_each_language(api: str, lang: str) -> None:
    with SpeechKit() as kit:
        spoken = voice(kit, api, lang).speak(TEXT)
    assert (kit.texts, kit.mistakes) == ([TEXT], [])
    assert spoken[44:] == lpcm(TEXT)
    assert wav.read(spoken)[1] == 8000
    sound.finish(spoken, "alaw")


@pytest.mark.parametrize("api, name, emotion", [("v1", "alena", "good"), ("v3", "dasha", "friendly")])
def test_voice_emotion_and_speed_are_asked_for(api: str, name: str, emotion: str) -> None:
    with SpeechKit() as kit:
        spoken = voice(kit, api, voice=name, yandex={"emotion": emotion, "speed": 1.3}).speak(TEXT)
    assert (kit.mistakes, spoken[44:]) == ([], lpcm(TEXT))


@pytest.mark.parametrize("api", APIS)
def test_a_users_token_goes_with_his_folder_and_is_read_anew(api: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("t1.expired\n")
    with SpeechKit(folder="b1g") as kit:
        user = voice(kit, api, yandex={"api_key": "", "iam_token_file": str(file), "folder_id": "b1g"})
        with pytest.raises(VoiceDown, match="401"):
            user.speak(TEXT)
        file.write_text(TOKEN + "\n")
        assert user.speak(TEXT)[44:] == lpcm(TEXT)
        file.unlink()
        with pytest.raises(VoiceDown, match="no token can be read"):
            user.speak(TEXT)
    assert kit.mistakes == []


@pytest.mark.parametrize(
    "api, text",
    [
        ("v1", "а"),
        ("v1", "а" * 2300),
        ("v1", "a" * 5000),
        ("v3", "а" * 250),
        ("v3", "а" * 251),
        ("v3", "а" * 5000),
    ],
)
def test_texts_of_any_permitted_length_are_spoken(api: str, text: str) -> None:
    with SpeechKit(lambda handler, _sound: said(handler, lpcm("а"))) as kit:
        voice(kit, api).speak(text)
    assert (kit.texts, kit.mistakes) == ([text], [])


@pytest.mark.parametrize("api, text", [("v1", "a" * 5001), ("v1", "а" * 2500), ("v3", "a" * 5001)])
def test_a_longer_text_is_not_even_sent(api: str, text: str) -> None:
    with SpeechKit() as kit, pytest.raises(VoiceError, match="letters is too long") as told:
        voice(kit, api).speak(text)
    assert kit.texts == []
    assert not isinstance(told.value, VoiceDown)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_what_passes_is_tried_again(api: str, status: int) -> None:
    with SpeechKit(refused(status), refused(status), said) as kit:
        assert voice(kit, api).speak(TEXT)[44:] == lpcm(TEXT)
    assert kit.texts == [TEXT] * 3


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("broken", [cut, cut_in_pieces, hung_up])
def test_a_sound_that_is_cut_is_asked_for_again_and_never_taken(api: str, broken: Reply) -> None:
    with SpeechKit(broken, said) as kit:
        assert voice(kit, api).speak(TEXT)[44:] == lpcm(TEXT)
    assert kit.texts == [TEXT] * 2
    with SpeechKit(broken) as kit, pytest.raises(VoiceDown, match=r"connection was lost|sound is cut"):
        voice(kit, api).speak(TEXT)
    assert kit.texts == [TEXT] * 4


def test_half_a_sample_is_asked_for_again() -> None:
    with SpeechKit(other(lpcm(TEXT)[:-1]), said) as kit:
        assert voice(kit).speak(TEXT)[44:] == lpcm(TEXT)
    assert kit.texts == [TEXT] * 2


@pytest.mark.parametrize("api", APIS)
def test_it_is_left_alone_for_as_long_as_it_asks(api: str) -> None:
    with SpeechKit(refused(429, "TOO_MANY_REQUESTS", Retry_After="2"), said) as kit:
        voice(kit, api).speak(TEXT)
    first, second = kit.times
    assert second - first >= 2


def test_a_longer_delay_than_there_is_time_for_is_not_waited_for() -> None:
    gave_up = pytest.raises(VoiceDown, match="HTTP 429: the quota is used up")
    with SpeechKit(refused(429, Retry_After="3600"), said) as kit, gave_up:
        voice(kit).speak(TEXT)
    assert kit.texts == [TEXT]


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "status, code, error",
    [
        (400, "BAD_REQUEST", "HTTP 400 BAD_REQUEST: is there such a voice"),
        (401, "UNAUTHORIZED", "HTTP 401 UNAUTHORIZED: is the key or token right"),
        (403, "PERMISSION_DENIED", "HTTP 403 PERMISSION_DENIED: has the account the role"),
        (404, "NOT_FOUND", "HTTP 404 NOT_FOUND"),
        (501, "UNIMPLEMENTED", "HTTP 501 UNIMPLEMENTED"),
        (302, "", "HTTP 302"),
    ],
)
def test_what_does_not_pass_is_not_tried_again(api: str, status: int, code: str, error: str) -> None:
    refusal = refused(status, code, Location="/elsewhere")
    with SpeechKit(refusal) as kit, pytest.raises(VoiceError, match=error) as told:
        voice(kit, api).speak(TEXT)
    assert kit.texts == [TEXT]
    assert isinstance(told.value, VoiceDown) == (status != 400)


@pytest.mark.parametrize("api", APIS)
def test_a_wrong_key_is_told_and_nothing_is_retried(api: str) -> None:
    with SpeechKit() as kit, pytest.raises(VoiceDown, match="HTTP 401 UNAUTHORIZED") as told:
        voice(kit, api, yandex={"api_key": "AQVN-another-key"}).speak(TEXT)
    assert kit.texts == []
    assert "AQVN" not in str(told.value)


PAGE = "<html><body>Вход в сеть</body></html>"


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize(
    "reply",
    [
        other(b""),
        other(PAGE.encode()),
        other(PAGE.encode("cp1251") + b" ", "text/html"),
        other(b'{"error_code":"INTERNAL"}', "application/json"),
        other(b"[]\n[]", "application/json"),
        other(b'{"result":{"audioChunk":{"data":"???"}}}', "application/json"),
        other(b'{"result":{"audioChunk":"abc"}}', "application/json"),
        other(b"\0" * 8000),
        unframed,
    ],
)
def test_what_is_no_sound_is_an_error(api: str, reply: Reply) -> None:
    with SpeechKit(reply) as kit, pytest.raises(VoiceDown, match=r"what came is|of unknown length"):
        voice(kit, api).speak(TEXT)
    assert kit.texts == [TEXT]


def test_an_error_among_the_pieces_is_no_sound() -> None:
    broken = pieces(lpcm(TEXT)) + b'{"error":{"grpcCode":13,"httpStatus":"Internal Server Error"}}\n'
    with SpeechKit(other(broken, "application/json"), said) as kit:
        assert voice(kit, "v3").speak(TEXT)[44:] == lpcm(TEXT)
    with (
        SpeechKit(other(broken, "application/json")) as kit,
        pytest.raises(VoiceDown, match="broke off Internal"),
    ):
        voice(kit, "v3").speak(TEXT)


@pytest.mark.parametrize("api", APIS)
@pytest.mark.parametrize("slow", [silent, dripping])
def test_a_slow_one_is_waited_for_no_longer_than_settings_say(api: str, slow: Reply) -> None:
    with SpeechKit(slow) as kit, pytest.raises(VoiceDown, match="no answer"):
        voice(kit, api, timeout_s=0.5).speak(TEXT)
    assert set(kit.texts) == {TEXT}


def test_nobody_at_the_address_is_told() -> None:
    with SpeechKit() as kit:
        address = kit
    with pytest.raises(VoiceDown, match="connection was lost"):
        voice(address).speak(TEXT)


def test_neither_key_nor_text_is_in_errors_logs_or_representations(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    leaking = f"desc = cannot say {TEXT} with {KEY}"
    replies = [refused(500, message=leaking), refused(400, TEXT, message=leaking)]
    for api in APIS:
        with SpeechKit(*replies) as kit, pytest.raises(VoiceError) as told:
            given = speech(kit, api)
            voice_for(given, "ru").speak(TEXT)
        shown = "".join([str(told.value), repr(told.value), repr(given), *capfd.readouterr()])
        assert "HTTP 400" in shown
        assert not any(secret in shown for secret in (KEY, "Пётр", "долг"))


def test_no_proxy_or_password_of_the_environment_is_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "netrc").write_text("default login anna password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    with SpeechKit() as kit:
        voice(kit).speak(TEXT)
    assert kit.texts == [TEXT]


@pytest.mark.parametrize(
    "api, text, characters",
    [("v1", "", 1), ("v1", "привет", 6), ("v3", "", 250), ("v3", "а" * 249, 250), ("v3", "а" * 250, 500)],
)
def test_characters_are_counted_as_it_counts_them(api: str, text: str, characters: int) -> None:
    with SpeechKit() as kit:
        assert voice(kit, api).billed(text) == characters


def test_the_id_tells_all_that_decides_the_sound() -> None:
    with SpeechKit() as kit:
        ids = [
            voice(kit, **given).id
            for given in (
                {},
                {"api": "v3"},
                {"lang": "en"},
                {"voice": "alena"},
                {"version": "2"},
                {"yandex": {"emotion": "good"}},
                {"yandex": {"speed": 1.2}},
            )
        ]
    assert ids[0] == "yandex/v1/ru-RU/marina//1/1"
    assert len(set(ids)) == len(ids)
    assert max(map(len, ids)) <= 64


def test_without_key_and_token_it_is_no_voice() -> None:
    with SpeechKit() as kit, pytest.raises(SettingsError, match="api_key, or an iam_token_file"):
        voice(kit, yandex={"api_key": ""})


@pytest.mark.parametrize(
    "url",
    [
        "http://tts.api.cloud.yandex.net",
        "https://user@host",
        "tts",
        "https://",
        "https://h/?a=1",
        "https://h:0",
    ],
)
def test_the_key_goes_nowhere_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match=r"https"):
        Yandex(url=url)


def test_its_settings_can_be_sent_to_a_worker() -> None:
    with SpeechKit() as kit:
        given = pickle.loads(pickle.dumps(speech(kit)))  # noqa: S301  # our own
        assert voice_for(given, "ru").speak(TEXT)[44:] == lpcm(TEXT)
