"""What a voice is known by."""

import hashlib

LENGTH = 64


def identity(provider: str, *parts: object) -> str:
    """The provider and all that decides the sound, 64 letters at most: what is longer is told by its hash."""
    whole = "/".join([provider, *map(str, parts)])
    if len(whole) <= LENGTH and whole.isprintable():
        return whole
    return f"{provider}/{hashlib.sha256(whole.encode()).hexdigest()[:32]}"
