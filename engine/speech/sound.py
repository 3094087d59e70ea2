"""The sound that a callee hears: a voice's WAV becomes what the trunk speaks, so that Asterisk only copies.

`finish` gives a file's content, without a header: 8 kHz, one channel, `alaw`, `ulaw` or `slin` (16-bit
little-endian), whole frames of 20 ms. On the way:

- Silence is cut off both ends, but for the 5 ms in which the sound is faded in and out.
- Loudness (ITU-R BS.1770, EBU R128) becomes -20 LUFS, as Asterisk's own Russian prompts have it (their
  median is -20.3). A clip shorter than R128's block of 400 ms is one block.
- Peaks, those between samples too, stay under -2 dBFS: what is above is turned down for some 10 ms around.
- A fragment ends with a breath of 20 to 40 ms, an atom (a word of a sum, a date …) with less than 20, so that
  atoms in a row are one phrase and fragments in a row have gaps under 60 ms.

numpy, scipy and pyloudnorm are loaded when the first sound is made: 0.7 s and 80 MB.
"""

from functools import cache
from typing import Any

from engine.errors import VoiceError
from engine.speech import wav as wavs

RATE = 8000
FRAME = 160  # samples of 20 ms, as they go over the line
STEP = 40  # samples of 5 ms: how closely silence is looked for, and what a fade takes
LOUDNESS_LUFS = -20.0
BLOCK_S = 0.4
CEILING = 10 ** (-2 / 20)
BREATH = FRAME
QUIETEST = 10 ** (-50 / 20)  # a peak below it is no speech
SHORTEST = 8 * STEP
# What counts as silence at an end, against the loudest 5 ms; a word's last breath is none of an atom's.
SILENCE = {False: 10 ** (-40 / 20), True: 10 ** (-32 / 20)}
# Format -> ending by which Asterisk knows it, bytes a sample.
FORMS = {"alaw": ("alaw", 1), "ulaw": ("ulaw", 1), "slin": ("sln", 2)}


def ending(form: str) -> str:
    """The ending of a file's name, with its dot."""
    return f".{FORMS[form][0]}"


def check(wav: bytes) -> None:
    """VoiceError for what is no whole WAV or says nothing."""
    import numpy as np

    samples, _rate = wavs.read(wav)
    if not len(samples) or np.abs(samples - samples.mean()).max() < QUIETEST:
        raise VoiceError("the voice said nothing")


def finish(wav: bytes, form: str, *, atom: bool = False) -> bytes:
    """Any WAV as the content of a file that Asterisk plays; VoiceError when it is none or says nothing."""
    import numpy as np
    from scipy.signal import resample_poly

    samples, rate = wavs.read(wav)
    if not len(samples):
        raise VoiceError("the voice said nothing")
    samples = samples - samples.mean()
    if rate != RATE:
        common = np.gcd(rate, RATE)
        samples = resample_poly(samples, RATE // common, rate // common)
    samples = _leveled(_faded(_trimmed(samples, SILENCE[atom])))
    breath = 0 if atom else BREATH
    rest = -(len(samples) + breath) % FRAME
    whole = np.pad(samples, (0, breath + rest))
    return _encoded(np.round(whole * 32767).astype("<i2"), form)


def length_ms(data: bytes, form: str) -> int:
    """How long a finished file sounds; VoiceError when it is empty or not of whole frames."""
    width = FORMS[form][1]
    if not data or len(data) % (FRAME * width):
        raise VoiceError(f"not whole frames of {form}")
    return len(data) // (RATE // 1000 * width)


def silence(form: str, ms: int) -> bytes:
    """So much of nothing, a whole number of frames."""
    import numpy as np

    return _encoded(np.zeros(ms * RATE // 1000 // FRAME * FRAME, "<i2"), form)


def wav_of(data: bytes, form: str) -> bytes:
    """Finished files, one after the other, as a WAV of 8 kHz, 16 bits."""
    import numpy as np

    if form == "slin":
        return wavs.write(data)
    return wavs.write(_values(form)[np.frombuffer(data, "u1")].astype("<i2").tobytes())


def _trimmed(samples: wavs.Samples, silence: float) -> wavs.Samples:
    """The sound without the silence around it."""
    import numpy as np

    steps = len(samples) // STEP
    if steps == 0 or np.abs(samples).max() < QUIETEST:
        raise VoiceError("the voice said nothing")
    power = np.square(samples[: steps * STEP]).reshape(-1, STEP).mean(axis=1)
    heard = np.flatnonzero(power > power.max() * silence**2)
    first, last = heard[0] - 1, heard[-1] + 2
    cut = samples[max(0, first) * STEP : last * STEP]
    if len(cut) < SHORTEST:
        raise VoiceError("the voice said nothing")
    return cut


def _faded(samples: wavs.Samples) -> wavs.Samples:
    import numpy as np

    ramp = np.linspace(0, 1, STEP)
    faded = samples.copy()
    faded[:STEP] *= ramp
    faded[-STEP:] *= ramp[::-1]
    return faded


def _leveled(samples: wavs.Samples) -> wavs.Samples:
    """Of the loudness that all clips have, and nowhere above the ceiling."""
    import numpy as np
    from pyloudnorm import Meter

    meter = Meter(RATE, block_size=min(BLOCK_S, len(samples) / RATE))
    level = meter.integrated_loudness(samples)
    if not np.isfinite(level):
        raise VoiceError("the voice said nothing")
    return _limited(samples * 10 ** ((LOUDNESS_LUFS - level) / 20))


def _limited(samples: wavs.Samples) -> wavs.Samples:
    """No peak above the ceiling. The gain at a sample is a mean of gains each of which suffices for it."""
    import numpy as np
    from scipy.ndimage import minimum_filter1d, uniform_filter1d
    from scipy.signal import resample_poly

    if np.abs(samples).max() < CEILING / 2:
        return samples  # what lies between samples does not reach twice their height
    fine = np.abs(resample_poly(samples, 4, 1))
    if fine.max() <= CEILING and np.abs(samples).max() <= CEILING:
        return samples
    peaks = np.maximum.reduce([np.abs(samples), *(fine[part::4] for part in range(4))])
    gain = minimum_filter1d(CEILING / np.maximum(peaks, CEILING), 2 * STEP + 1)
    return samples * uniform_filter1d(gain, 2 * STEP + 1, mode="nearest")


def _encoded(samples: Any, form: str) -> bytes:
    if form == "slin":
        return bytes(samples.tobytes())
    return bytes(_codes(form)[samples.astype("i4") + 32768].tobytes())


@cache
def _values(form: str) -> Any:
    """What each of the 256 codes of G.711 stands for, as a 16-bit sample."""
    import numpy as np

    code = np.arange(256)
    if form == "alaw":
        code = code ^ 0x55
        segment, step = code >> 4 & 7, code & 15
        size = np.where(segment, (step * 2 + 33) << np.maximum(segment - 1, 0), step * 2 + 1) * 8
        return np.where(code & 0x80, size, -size)
    code = code ^ 0xFF
    size = ((code & 15) * 8 + 0x84 << (code >> 4 & 7)) - 0x84
    return np.where(code & 0x80, -size, size)


@cache
def _codes(form: str) -> Any:
    """The code whose value is nearest, for each of the 65,536 samples from -32,768 on."""
    import numpy as np

    backwards = _values(form)[::-1]  # so that of mu-law's two zeros the positive one is taken
    values, places = np.unique(backwards, return_index=True)
    border = (values[1:] + values[:-1]) / 2
    return (255 - places)[np.searchsorted(border, np.arange(-32768, 32768), "right")].astype("u1")
