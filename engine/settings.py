"""Every setting, typed, with its default and one line of meaning; nothing else reads the environment.

Precedence: environment (`ZVONAR_…`, nested names with `__`), then `zvonar.toml`, then the default.
The file is the first found of `--config`, `$ZVONAR_CONFIG`, `./zvonar.toml`, `/etc/zvonar/zvonar.toml`.
`[[asterisk]]`, `[[trunk]]`, `[[source]]`, `[[webhook]]` are lists; for a single one
`ZVONAR_ASTERISK__HOST` and so on do.
"""

import os
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from engine.errors import SettingsError, UsageError
from engine.sections import (
    LOOPBACK,
    SAFE_NAME,
    Asterisk,
    Callers,
    Company,
    Contact,
    Dialer,
    Fastagi,
    Log,
    Masking,
    Recording,
    Source,
    Talk,
    Trunk,
    Web,
    Webhook,
)
from engine.sections_speech import S3, Celery, Speech

PLACES = (Path("zvonar.toml"), Path("/etc/zvonar/zvonar.toml"))
# sqlite:///FILE, or a user, password, host (IPv6 in brackets) and port, each of which may be missing.
DATABASE = re.compile(
    r"sqlite:///.+|postgres(?:ql)?(?:\+psycopg2)?://"
    r"(?:[^:/@]*(?::.*)?@)?(?:\[[^/\]]+\]|[^:/?@\[\]]*)(?::[0-9]+)?(?:[/?].*)?"
)
DATABASES = "write sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"


def safe_name(name: str) -> str:
    """The name, if it may stand in a file name and on a command line; UsageError otherwise."""
    if not re.fullmatch(SAFE_NAME, name):
        raise UsageError(f"{name!r}: a name has letters, digits, '_', '.', '-', at most 64 of them")
    return name


def one_or_many(value: Any) -> Any:
    """A single table (environment, `[asterisk]`) stands for a list of one."""
    return [value] if isinstance(value, dict) else value


class File(TomlConfigSettingsSource):
    """The settings file. A list of one table is read as that table, so that the environment adds to it."""

    def __call__(self) -> dict[str, Any]:
        """Its values; SettingsError when the environment cannot say which of several tables it means."""
        values = super().__call__()
        for name, value in values.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                prefix = f"ZVONAR_{name.upper()}__"
                if len(value) == 1:
                    values[name] = value[0]
                elif any(variable.upper().startswith(prefix) for variable in os.environ):
                    raise SettingsError(f"{prefix}… is for one [[{name}]]; the file has {len(value)}")
        return values


class Settings(BaseSettings):
    """All of it; frozen, made once at the start of a command."""

    model_config = SettingsConfigDict(
        env_prefix="ZVONAR_", env_nested_delimiter="__", extra="forbid", frozen=True, validate_default=True
    )

    database_url: SecretStr = Field(
        SecretStr("sqlite:///var/zvonar.db"), description="where all is remembered"
    )
    data_dir: Path = Field(Path("var"), description="audio cache, recordings, rejects, locks")
    region: str = Field("RU", pattern="^[A-Z]{2}$", description="country of numbers written without a +")
    lang: str = Field("ru", pattern="^(ru|en|uz)$", description="language of prompts")
    company: Company = Company()
    fastagi: Fastagi = Fastagi()
    web: Web = Web()
    asterisk: Annotated[list[Asterisk], BeforeValidator(one_or_many)] = Field([Asterisk()], min_length=1)
    trunk: Annotated[list[Trunk], BeforeValidator(one_or_many)] = Field([Trunk()], min_length=1)
    callers: Callers = Callers()
    speech: Speech = Speech()
    celery: Celery = Celery()
    s3: S3 = S3()
    recording: Recording = Recording()
    masking: Masking = Masking()
    dialer: Dialer = Dialer()
    contact: Contact = Contact()
    talk: Talk = Talk()
    source: Annotated[list[Source], BeforeValidator(one_or_many)] = Field([Source()], min_length=1)
    webhook: Annotated[list[Webhook], BeforeValidator(one_or_many)] = Field([Webhook()], min_length=1)
    log: Log = Log()

    @field_validator("database_url")
    @classmethod
    def database_is_known(cls, value: SecretStr) -> SecretStr:
        """A URL that `storage.db.open_engine` opens; it is not shown, it may hold a password."""
        if not DATABASE.fullmatch(value.get_secret_value()):
            raise ValueError(DATABASES)
        return value

    @field_validator("asterisk", "trunk", "source", "webhook")
    @classmethod
    def names_differ(cls, value: list[Any]) -> list[Any]:
        """Two nodes, trunks, sources or webhooks of one name cannot be told apart."""
        names = [item.name for item in value]
        if len(set(names)) < len(names):
            raise ValueError("names must differ")
        return value

    @model_validator(mode="after")
    def clock_is_true(self) -> Self:
        """A shifted clock would call people at night: it is only for a carrier on this very machine."""
        hosts = [trunk.address.rpartition(":")[0] or trunk.address for trunk in self.trunk]
        if self.contact.clock_shift_s and not all(host in LOOPBACK for host in hosts):
            raise ValueError("contact.clock_shift_s: every trunk must have an address on this machine")
        return self

    def now(self) -> datetime:
        """The present moment, UTC, by the clock that everything stored and decided goes by."""
        return datetime.now(UTC) + timedelta(seconds=self.contact.clock_shift_s)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return init_settings, env_settings, File(settings_cls)

    @property
    def audio_dir(self) -> Path:
        """The audio cache, absolute: Asterisk and the voices write and read there."""
        return (self.data_dir / "audio").resolve()

    @property
    def audio_dir_in_asterisk(self) -> str:
        """The same folder under the name that Asterisk knows it by."""
        return self.speech.asterisk_dir or str(self.audio_dir)

    @property
    def recordings_dir(self) -> Path:
        """The folder of recordings, absolute: Asterisk writes there, we read and delete."""
        return (self.data_dir / "recordings").resolve()

    @property
    def recordings_dir_in_asterisk(self) -> str:
        """The same folder under the name that Asterisk knows it by."""
        return self.recording.asterisk_dir or str(self.recordings_dir)

    def trunk_named(self, name: str) -> Trunk:
        """The trunk of that name; SettingsError names those that there are."""
        for trunk in self.trunk:
            if trunk.name == name:
                return trunk
        known = ", ".join(trunk.name for trunk in self.trunk)
        raise SettingsError(f"no trunk named {name!r}; there are: {known}")

    def source_named(self, name: str) -> Source:
        """The source of that name; SettingsError names those that there are."""
        told = [source for source in self.source if source.url.get_secret_value()]
        for source in told:
            if source.name == name:
                return source
        known = ", ".join(source.name for source in told) or "none"
        raise SettingsError(f"no [[source]] named {name!r}; there are: {known}")

    @property
    def webhooks(self) -> list[Webhook]:
        """The webhooks that lead somewhere."""
        return [hook for hook in self.webhook if hook.url]

    def webhook_named(self, name: str) -> Webhook:
        """The webhook of that name; SettingsError names those that there are."""
        for hook in self.webhooks:
            if hook.name == name:
                return hook
        known = ", ".join(hook.name for hook in self.webhooks) or "none"
        raise SettingsError(f"no [[webhook]] named {name!r}; there are: {known}")


def find_file(given: str | None = None) -> Path | None:
    """The settings file: the one given (must exist), or the first place that has one, or None."""
    named = given or os.environ.get("ZVONAR_CONFIG")
    if named:
        if not Path(named).is_file():
            raise SettingsError(f"{named}: no such settings file")
        return Path(named)
    return next((place for place in PLACES if place.is_file()), None)


def load(given: str | None = None) -> Settings:
    """Read the settings; SettingsError tells the name and what is wrong with its value."""
    path = find_file(given)

    class Loaded(Settings):
        model_config = SettingsConfigDict(toml_file=path)

    # ZVONAR_CONFIG names the file and is no setting; other unknown names are caught by `unknown_names`.
    try:
        settings = Loaded()
    except ValidationError as error:
        raise SettingsError("; ".join(_tell(item, path) for item in error.errors())) from None
    except (ValueError, OSError) as error:
        raise SettingsError(f"{path or 'environment'}: {error}") from None
    strays = sorted(unknown_names())
    if strays:
        raise SettingsError(f"no such setting: {', '.join(strays)}")
    return settings


def _tell(item: Any, path: Path | None) -> str:
    """One pydantic complaint as one clause; the value itself is not shown, it may be a secret."""
    name = ".".join(str(part) for part in item["loc"])
    return f"{name}: {item['msg'].removeprefix('Value error, ')} ({_variable(name) or path or 'default'})"


def _variable(name: str) -> str | None:
    """The environment variable that sets this setting: its own, or one that sets it with others."""
    environment = {variable.upper() for variable in os.environ}
    parts = [part.upper() for part in name.split(".") if not part.isdigit()]
    variables = ("ZVONAR_" + "__".join(parts[:count]) for count in range(len(parts), 0, -1))
    return next((variable for variable in variables if variable in environment), None)


def unknown_names() -> Iterator[str]:
    """`ZVONAR_…` variables whose first part is no setting; a misspelt name must not pass in silence."""
    for name in os.environ:
        found = re.match(r"^ZVONAR_([A-Z0-9]+(?:_[A-Z0-9]+)*?)(?:__.*)?$", name)
        if found and found[1].lower() not in Settings.model_fields and found[1] not in {"CONFIG", "CACHE"}:
            yield name


def sources(settings: Settings, given: str | None = None) -> Iterator[tuple[str, str, str]]:
    """(name, value, source) of every setting; secrets are shown as stars."""
    path = find_file(given)
    in_file = _flat(TomlConfigSettingsSource(Settings, path)()) if path else {}
    shown = settings.model_dump() | {"database_url": _without_password(settings.database_url)}
    for name, value in _flat(shown).items():
        if variable := _variable(name):
            source = variable
        elif name in in_file or name.replace(".0.", ".", 1) in in_file:
            source = str(path)
        else:
            source = "default"
        yield name, str(value), source


def _without_password(url: SecretStr) -> str:
    """A database URL that may be shown."""
    shown = re.sub(r"(://[^:/@]*):.*@", r"\1:***@", url.get_secret_value())
    return re.sub(r"(password=)[^&]*", r"\1***", shown)


def _flat(tree: Any, prefix: str = "") -> dict[str, Any]:
    """{'a': {'b': 1}, 'c': [{'d': 2}]} -> {'a.b': 1, 'c.0.d': 2}."""
    if isinstance(tree, dict):
        pairs: Any = tree.items()
    elif isinstance(tree, list) and tree and isinstance(tree[0], dict):
        pairs = enumerate(tree)
    else:
        return {prefix: tree}
    flat: dict[str, Any] = {}
    for key, value in pairs:
        flat |= _flat(value, f"{prefix}.{key}" if prefix else str(key))
    return flat


def share(name: str) -> Path:
    """A file or folder that ships beside the packages (`sounds`): checkout first, then prefix."""
    checkout = Path(__file__).resolve().parent.parent / name
    installed = Path(sys.prefix) / "share" / "zvonar" / name
    for place in (checkout, installed):
        if place.exists():
            return place
    raise SettingsError(f"{name}: not found beside the packages nor under {installed.parent}")
