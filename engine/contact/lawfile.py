"""A law pack as a file: what may stand in it, and what makes no sense. etc/law/README.md tells it in words.

Every table is one rule with its `source`. A pack that is not understood to the last key is refused: half a
law is none.
"""

import tomllib
from datetime import date, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from engine.contact.hours import DayKind, Window
from engine.contact.law import Pack
from engine.contact.limits import Counts, Limit, Period, Scope
from engine.errors import SettingsError
from storage.vocab import CallKind, ConsentKind

CLOSED = "closed"


def _window(value: object) -> Window | None:
    """`08:00-22:00`, until 24:00 at the latest; `closed`: None."""
    if value == CLOSED:
        return None
    opens, dash, closes = str(value).partition("-")
    if not (isinstance(value, str) and dash and len(opens) == len(closes) == len("08:00")):
        raise ValueError(f"write HH:MM-HH:MM or {CLOSED}")
    ends = time.min if closes == "24:00" else time.fromisoformat(closes)
    found = Window(time.fromisoformat(opens), ends)
    if not found or closes == "00:00":
        raise ValueError("it closes before it opens; the end of a day is 24:00")
    return found


Hours = Annotated[Window | None, BeforeValidator(_window)]
Word = Annotated[str, Field(min_length=1)]


class Table(BaseModel):
    """A table of a file; what is not foreseen in it is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)


class Text(Table):
    """A sentence in both languages."""

    ru: Word
    en: Word


class Sourced(Table):
    """A rule, with the paper that it is from."""

    source: Word


class HoursTable(Sourced):
    """`[hours]`"""

    working: Hours
    weekend: Hours
    holiday: Hours

    @model_validator(mode="after")
    def some_day_is_open(self) -> Self:
        """A law under which nobody can ever be called is a mistake."""
        if not any((self.working, self.weekend, self.holiday)):
            raise ValueError("no day has hours")
        return self

    def made(self) -> dict[DayKind, Window]:
        """As the rules take it."""
        return {kind: window for kind in DayKind if (window := getattr(self, kind))}


class LimitTable(Sourced):
    """`[[limit]]`"""

    name: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")]
    most: Annotated[int, Field(ge=1)]
    scope: Scope
    counts: Counts
    period: Period | None = None
    rolling_hours: Annotated[int, Field(ge=1, le=24 * 400)] | None = None
    kind: CallKind | None = None

    @model_validator(mode="after")
    def has_one_stretch(self) -> Self:
        """Of what time it is a limit."""
        if (self.period is None) == (self.rolling_hours is None):
            raise ValueError("give either period or rolling_hours")
        return self

    def made(self) -> Limit:
        """As the rules take it."""
        rolling = timedelta(hours=self.rolling_hours or 0)
        words = (self.name, self.most, self.scope, self.counts, self.period, rolling, self.kind, self.source)
        return Limit(*words)


class Consents(Sourced):
    """`[consents]`: what he must have agreed to, unless an exemption is stated."""

    need: Annotated[list[ConsentKind], Field(min_length=1)]
    exemptible: bool = False


class ThirdParty(Sourced):
    """`[third_party]`: the same of a debtor's contact person."""

    need: list[ConsentKind]


class Announcements(Sourced):
    """`[announcements]`: what a call must say."""

    say: Annotated[list[Literal["caller", "robot", "opt-out"]], Field(min_length=1)]


class Attempts(Sourced):
    """`[attempts]`: of one lead, in all."""

    most: Annotated[int, Field(ge=1)]


class Retention(Sourced):
    """`[retention]`: how long what is known of a call is kept."""

    days: Annotated[int, Field(ge=1)]


class File(Table):
    """A whole file."""

    version: Word
    effective: date
    expires: date | None = None
    title: Text
    source: Word
    country: Annotated[str, Field(pattern="^([A-Z]{2})?$")] = ""
    kind: CallKind | None = None
    hours: HoursTable | None = None
    limit: list[LimitTable] = []
    consents: Consents | None = None
    third_party: ThirdParty | None = None
    announcements: Announcements | None = None
    label: Sourced | None = None
    refusal: Sourced | None = None
    attempts: Attempts | None = None
    retention: Retention | None = None
    uncertain: list[Text] = []
    unchecked: list[Text] = []

    @model_validator(mode="after")
    def makes_sense(self) -> Self:
        """What no single table can tell."""
        names = [limit.name for limit in self.limit]
        if len(set(names)) < len(names):
            raise ValueError("two limits have the same name")
        if self.expires is not None and self.expires < self.effective:
            raise ValueError("it expires before it takes effect")
        return self

    def made(self, name: str) -> Pack:
        """As the rules take it."""
        tables = {name: getattr(self, name) for name in type(self).model_fields}
        sources = {key: table.source for key, table in tables.items() if isinstance(table, Sourced)}
        return Pack(
            name=name,
            version=self.version,
            title=self.title.model_dump(),
            effective=self.effective,
            expires=self.expires,
            country=self.country,
            kind=self.kind,
            hours=self.hours.made() if self.hours else None,
            limits=tuple(limit.made() for limit in self.limit),
            consents=tuple(self.consents.need) if self.consents else (),
            exemptible=bool(self.consents and self.consents.exemptible),
            third_party=tuple(self.third_party.need) if self.third_party else None,
            label=self.label is not None,
            announcements=tuple(self.announcements.say) if self.announcements else (),
            max_attempts=self.attempts.most if self.attempts else None,
            retention_days=self.retention.days if self.retention else 0,
            sources={"effective": self.source, **sources},
            uncertain=tuple(text.model_dump() for text in self.uncertain),
            unchecked=tuple(text.model_dump() for text in self.unchecked),
        )


def read(path: Path) -> Pack:
    """The pack of a file, named like it. SettingsError: the file, the key, and what is wrong with it."""
    try:
        return File.model_validate(tomllib.loads(path.read_text(encoding="utf-8"))).made(path.stem)
    except ValidationError as error:
        raise SettingsError("; ".join(f"{path}: {_told(item)}" for item in error.errors())) from None
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from None
    except ValueError as error:  # not TOML, not UTF-8
        raise SettingsError(f"{path}: {error}") from None


def _told(item: Any) -> str:
    """One pydantic complaint as one clause."""
    name = ".".join(str(part + 1 if isinstance(part, int) else part) for part in item["loc"])
    return f"{name or 'the whole'}: {item['msg'].removeprefix('Value error, ')}"
