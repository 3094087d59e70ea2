"""The finished sound: one loudness, no click, no silence around it, no peak cut off, whole frames."""

import subprocess

import numpy as np
import pytest
from builders import tone
from hypothesis import given, settings
from hypothesis import strategies as st
from pyloudnorm import Meter
from scipy.signal import resample_poly

from engine.errors import VoiceError
from engine.gateways.tts import voice_for
from engine.sections_speech import Speech
from engine.speech import sound, wav

FORMS = ("alaw", "ulaw", "slin")
TEXTS = ("Здравствуйте, Александр Сергеевич!", "двести", "сорок", "рублей", "Пять.", "и")


def heard(data: bytes, form: str = "slin") -> wav.Samples:
    """What a callee's telephone makes of it."""
    samples, rate = wav.read(sound.wav_of(data, form))
    assert rate == 8000
    return samples


def quiet_ms(samples: wav.Samples, below: float = 0.003) -> float:
    """How long a sound has nothing at its end."""
    return float(len(samples) - 1 - np.flatnonzero(np.abs(samples) > below)[-1]) / 8


@pytest.fixture(scope="module")
def spoken() -> dict[str, bytes]:
    voice = voice_for(Speech(), "ru")
    return {text: voice.speak(text) for text in TEXTS}


@pytest.mark.parametrize("rate, channels", [(8000, 1), (22050, 1), (44100, 2), (48000, 1), (11025, 2)])
@pytest.mark.parametrize("form", FORMS)
def test_any_wav_becomes_8_khz_of_whole_frames_with_its_silence_cut_off(
    form: str, rate: int, channels: int
) -> None:
    data = sound.finish(tone(rate, channels, quiet=0.4), form)
    assert sound.length_ms(data, form) in (520, 540, 560)  # the beep, 10 ms to fade in, a breath
    samples = heard(data, form)
    assert 1 <= np.flatnonzero(np.abs(samples) > 0.003)[0] <= 60
    spectrum = np.abs(np.fft.rfft(samples))
    assert abs(np.argmax(spectrum) * 8000 / len(samples) - 440) < 3


@pytest.mark.parametrize("text", TEXTS)
def test_all_clips_are_of_one_loudness(spoken: dict[str, bytes], text: str) -> None:
    samples = heard(sound.finish(spoken[text], "alaw"), "alaw")
    said = samples[: len(samples) - int(8 * quiet_ms(samples))]
    level = Meter(8000, block_size=min(0.4, len(said) / 8000)).integrated_loudness(said)
    assert level == pytest.approx(-20, abs=0.7)


@pytest.mark.parametrize("quieter", [1, 10, 60])
def test_a_quiet_recording_is_as_loud_as_a_loud_one(quieter: int) -> None:
    samples, rate = wav.read(tone())
    quiet = wav.write((samples * 32767 / quieter).astype("<i2").tobytes(), rate)
    level = Meter(8000).integrated_loudness(heard(sound.finish(quiet, "slin")))
    assert level == pytest.approx(-20, abs=0.3)


def test_a_fragment_ends_with_a_breath_and_an_atom_with_less_than_a_frame(spoken: dict[str, bytes]) -> None:
    for text in TEXTS:
        fragment = heard(sound.finish(spoken[text], "slin"))
        atom = heard(sound.finish(spoken[text], "slin", atom=True))
        assert 20 <= quiet_ms(fragment) < 50
        assert quiet_ms(atom) < 30
        assert np.flatnonzero(np.abs(atom) > 0.003)[0] / 8 < 10


def test_it_begins_and_ends_without_a_click() -> None:
    samples = heard(sound.finish(tone(), "slin"))
    end = len(samples) - int(8 * quiet_ms(samples))
    assert np.abs(samples[:4]).max() < 0.02
    assert np.abs(samples[end - 4 : end]).max() < 0.02


@given(st.integers(0, 2**32 - 1), st.floats(0.02, 0.5))
@settings(max_examples=30, deadline=None)
def test_no_peak_is_cut_off_and_none_between_the_samples(seed: int, share: float) -> None:
    """Rare strong pulses in quiet noise: loudness asks for more than the peaks have room for."""
    random = np.random.default_rng(seed)
    noise = random.normal(0, 0.01, 8000) + random.choice(
        [0, 0.9, -0.9], 8000, p=[1 - share / 50, share / 100, share / 100]
    )
    samples = heard(sound.finish(wav.write((noise.clip(-1, 1) * 32767).astype("<i2").tobytes()), "slin"))
    assert np.abs(resample_poly(samples, 4, 1)).max() <= 10 ** (-1.5 / 20)


@pytest.mark.parametrize(
    "silence",
    [tone(seconds=0), tone(seconds=0, quiet=0.5), tone(seconds=0.005), wav.write(b"\1\0" * 8000)],
)
def test_a_voice_that_says_nothing_is_an_error(silence: bytes) -> None:
    with pytest.raises(VoiceError, match="said nothing"):
        sound.finish(silence, "alaw")


def test_an_offset_of_the_microphone_is_no_sound() -> None:
    samples, rate = wav.read(tone(8000, quiet=0.2))
    shifted = wav.write(((samples + 0.2) * 32767).astype("<i2").tobytes(), rate)
    assert sound.length_ms(sound.finish(shifted, "alaw"), "alaw") == 540


@pytest.mark.parametrize("form, kind", [("alaw", "al"), ("ulaw", "ul")])
def test_g711_is_what_other_programs_read(form: str, kind: str) -> None:
    """sox reads each of the 256 codes as we do."""
    codes = bytes(range(256))
    raw = ["-t", "raw", "-r", "8000", "-c", "1"]
    told = subprocess.run(
        [
            "sox",
            "-D",
            *raw,
            "-e",
            f"{'a' if kind == 'al' else 'u'}-law",
            "-b",
            "8",
            "-",
            *raw,
            "-e",
            "signed",
            "-b",
            "16",
            "-",
        ],
        input=codes,
        capture_output=True,
        check=True,
    ).stdout
    assert sound.wav_of(codes, form)[44:] == told


@pytest.mark.parametrize("form, silence", [("alaw", 0xD5), ("ulaw", 0xFF)])
def test_each_sample_gets_the_code_nearest_to_it(form: str, silence: int) -> None:
    samples = np.arange(-32768, 32768).astype("<i2")
    codes = sound._encoded(samples, form)
    values = np.frombuffer(sound.wav_of(bytes(range(256)), form)[44:], "<i2").astype(int)
    nearest = np.array([np.abs(values - sample).min() for sample in samples[::37].astype(int)])
    got = np.abs(values[np.frombuffer(codes, "u1")[::37]] - samples[::37])
    assert (got == nearest).all()
    assert codes[32768] == silence


@pytest.mark.parametrize("form, frame", [("alaw", 160), ("ulaw", 160), ("slin", 320)])
def test_a_length_is_told_of_whole_frames_only(form: str, frame: int) -> None:
    assert sound.length_ms(b"\0" * frame * 7, form) == 140
    for cut in (0, 1, frame - 1, frame + 2):
        with pytest.raises(VoiceError, match=f"not whole frames of {form}"):
            sound.length_ms(b"\0" * cut, form)


def test_the_endings_are_those_that_asterisk_knows() -> None:
    assert [sound.ending(form) for form in FORMS] == [".alaw", ".ulaw", ".sln"]
