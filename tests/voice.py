"""A voice for tests that need something to be heard."""

import subprocess
from pathlib import Path


def speak(text: str, wav: Path) -> Path:
    """A text spoken into a WAV as Asterisk plays it: 8 kHz, 16 bit, mono."""
    wav.parent.mkdir(parents=True, exist_ok=True)
    spoken = subprocess.run(
        ["espeak-ng", "-v", "ru", "--stdout", text], capture_output=True, check=True
    ).stdout
    command = ["sox", "-t", "wav", "--ignore-length", "-", "-r", "8000", "-b", "16", "-c", "1", str(wav)]
    subprocess.run(command, input=spoken, check=True, capture_output=True)
    return wav
