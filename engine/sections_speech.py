"""The tables of `zvonar.toml` that tell of voices and of who renders audio."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from engine.sections import LOOPBACK, SAFE_NAME, Section

Language = Literal["ru", "en", "uz"]
VoiceName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.+-]{0,48}$")]


class Command(Section):
    """Any program as a voice: a text on its standard input, a WAV on its standard output."""

    program: list[Annotated[str, Field(min_length=1)]] = Field(
        [], description="the program and its arguments, no shell; {voice} and {lang} are filled in"
    )
    languages: list[Language] = Field(["ru"], description="those that it speaks")


class Yandex(Section):
    """Yandex SpeechKit."""

    api: Literal["v1", "v3"] = Field(
        "v1", description="v1 knows fewer voices, v3 counts requests by 250 letters"
    )
    url: str = Field("https://tts.api.cloud.yandex.net", description="where it is asked")
    api_key: SecretStr = Field(SecretStr(""), description="a service account's API key")
    iam_token_file: str = Field(
        "",
        description="file with an IAM token, read at each request, in place of api_key; something renews it",
    )
    folder_id: str = Field(
        "", pattern=r"^[A-Za-z0-9_-]{0,50}$", description="the cloud's folder; only for a user's IAM token"
    )
    emotion: str = Field("", pattern=r"^[a-z]{0,32}$", description="how it speaks (v3: role), as `neutral`")
    speed: float = Field(1.0, ge=0.1, le=3.0, description="1 is how people speak")

    @field_validator("url")
    @classmethod
    def keeps_the_key(cls, value: str) -> str:
        """TLS, except to this very machine: the key goes along."""
        try:
            parts = urlsplit(value)
            written = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        except ValueError:
            written = False
        if not written or parts.query or parts.fragment:
            raise ValueError("write https://HOST")
        if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
            raise ValueError("https only; http:// to this machine")
        return value.rstrip("/")


class Speech(Section):
    """The voice that reads texts."""

    provider: str = Field("espeak", pattern=SAFE_NAME, description="espeak, festival, command, wav or yandex")
    voice: VoiceName = Field("", description="the provider's name of the Russian voice; empty: its usual one")
    voices: dict[Annotated[str, Field(pattern="^(en|uz)$")], VoiceName] = Field(
        {}, description="its names of the voices of other languages: en, uz"
    )
    speed: int = Field(150, ge=80, le=400, description="words a minute, of espeak")
    version: str = Field("1", pattern=SAFE_NAME, description="change it to have everything spoken anew")
    fallback: str = Field(
        "",
        pattern=r"^[A-Za-z0-9_.-]{0,64}$",
        description="provider that speaks when the first cannot; empty: none",
    )
    timeout_s: float = Field(
        30, gt=0, le=600, description="seconds that one text may take, all tries together"
    )
    per_second: float = Field(0, ge=0, description="requests a second to the provider; 0: no limit")
    per_day: int = Field(0, ge=0, description="characters a day (UTC) for the provider; 0: no limit")
    price: int = Field(0, ge=0, description="kopecks that the provider takes for 1,000 characters")
    recordings: str = Field("", description="folder of what people recorded, of provider wav: LANG/index.csv")
    format: Literal["alaw", "ulaw", "slin"] = Field(
        "alaw", description="what the trunk speaks, so that Asterisk need not transcode: alaw, ulaw or slin"
    )
    workers: int = Field(2, ge=1, le=64, description="voice processes at a time")
    max_message_s: int = Field(60, ge=5, le=600, description="seconds that a message may last")
    asterisk_dir: str = Field("", description="the audio folder as Asterisk sees it; empty: the same path")
    cache_gb: float = Field(
        20, gt=0, description="gigabytes that `audio cache gc` leaves, if campaigns do not need more"
    )
    command: Command = Command()
    yandex: Yandex = Yandex()

    def voice_of(self, lang: str) -> str:
        """The name of the voice of this language; empty: the provider's usual one."""
        return self.voice if lang == "ru" else self.voices.get(lang, "")


class Celery(Section):
    """Workers on other machines that render audio (`serve speech`)."""

    broker_url: SecretStr = Field(
        SecretStr(""), description="redis://… or amqp://…; empty: audio is rendered on the dialer's machine"
    )
    answer_s: float = Field(
        120, ge=1, le=3600, description="seconds without an answer after which work is given out again"
    )


class S3(Section):
    """Where workers leave files when they do not share the audio folder: S3, or what speaks like it."""

    endpoint: str = Field("", description="https://HOST; empty: Amazon's own")
    bucket: str = Field(
        "", pattern=r"^[a-z0-9.-]{0,63}$", description="it must be there; empty: the audio folder is shared"
    )
    region: str = Field("ru-central1", pattern=SAFE_NAME, description="of the bucket")
    access_key: str = Field("", description="the key's id")
    secret_key: SecretStr = Field(SecretStr(""), description="the key")
