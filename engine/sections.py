"""The tables of `zvonar.toml`: each setting typed, with its default and one line of meaning."""

from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

# What may stand in a dial string or a dialplan: no comma, ampersand, bracket, quote or control character.
SAFE_NAME = r"^[A-Za-z0-9_.-]{1,64}$"
SAFE_NUMBER = r"^\+?[0-9]{1,18}$"
LOOPBACK = {"127.0.0.1", "localhost"}
SERVER = r"^(hagi://[A-Za-z0-9_.-]+|([A-Za-z0-9_.-]+|\[[0-9A-Fa-f:]+\]):[0-9]{1,5})$"


class Section(BaseModel):
    """A table of the file; an unknown name in it is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Fastagi(Section):
    """Our server of conversations."""

    bind: str = Field("127.0.0.1:4573", description="HOST:PORT where Asterisk finds our conversations")
    servers: list[Annotated[str, Field(pattern=SERVER)]] = Field(
        [], description="HOST:PORT of each server that Asterisk asks, or hagi://NAME (DNS SRV); empty: bind"
    )
    allow_any_address: bool = Field(False, description="permit a bind to 0.0.0.0 or [::]; AGI has no login")
    peers: list[str] = Field(["127.0.0.1", "::1"], description="addresses that may connect")
    token_key: SecretStr = Field(SecretStr(""), description="secret of the per-call token; empty: no token")
    max_sessions: int = Field(2000, ge=1, description="conversations at a time; above it refused at once")
    threads: int = Field(8, ge=1, le=64, description="threads for database work")
    drain_s: float = Field(60, ge=0, description="seconds given to running calls after SIGTERM")


class Web(Section):
    """The HTTP side."""

    bind: str = Field("127.0.0.1:8080", description="HOST:PORT of health, metrics and API")


class Asterisk(Section):
    """One node that we dial with."""

    name: str = Field("asterisk", pattern=SAFE_NAME, description="the node's name in logs and reports")
    host: str = Field("127.0.0.1", description="AMI address")
    port: int = Field(5038, ge=1, le=65535, description="AMI port")
    username: str = Field("zvonar", pattern=SAFE_NAME, description="AMI user that may originate")
    secret: SecretStr = Field(SecretStr(""), description="the AMI user's password")
    watcher: str = Field("zvonar-watch", pattern=SAFE_NAME, description="AMI user that reads events")
    watcher_secret: SecretStr = Field(
        SecretStr(""), description="the reading user's password; empty: the same as secret"
    )
    channels: int = Field(1000, ge=1, le=100_000, description="calls at a time, of all dialers together")


class Trunk(Section):
    """A way out to a carrier, and how much it takes."""

    name: str = Field("trunk", pattern=SAFE_NAME, description="the trunk's name in campaigns and reports")
    endpoint: str = Field("trunk", pattern=SAFE_NAME, description="PJSIP endpoint in Asterisk")
    address: str = Field(
        "",
        pattern=r"^([A-Za-z0-9_.-]+(:[0-9]{1,5})?)?$",
        description="HOST:PORT of the carrier; given, `asterisk render` writes the endpoint too",
    )
    cps: float = Field(5, gt=0, le=1000, description="calls per second, smooth")
    channels: int = Field(30, ge=1, le=100_000, description="calls at a time")
    caller_ids: list[Annotated[str, Field(pattern=SAFE_NUMBER)]] = Field(
        [], description="numbers to call from; a person is always called from the same"
    )
    label: str = Field(
        "", max_length=32, description="what the carrier shows beside these numbers (126-FZ, article 45)"
    )
    priority: int = Field(0, description="higher is tried first")
    prefixes: list[Annotated[str, Field(pattern=r"^\+?[0-9]{1,15}$")]] = Field(
        [], description="numbers that it takes, by how they begin: `+79`; empty: all"
    )
    cost: int = Field(0, ge=0, description="kopecks a minute; of trunks that are alike the cheaper is taken")
    inbound: Literal["debtor", "mask"] = Field(
        "debtor", description="whose calls come in by it: who calls back (debtor), drivers and clients (mask)"
    )


class Callers(Section):
    """When a number that we call from is taken to be ill, and rests."""

    short_s: float = Field(3, gt=0, le=60, description="a callee who hangs up so soon did not want the call")
    short_share: float = Field(0.3, gt=0, le=1, description="of answered calls: more such ones, and it rests")
    answer_share: float = Field(
        0.5, ge=0, le=1, description="of the answer rate of its trunk's others: below, and it rests; 0: never"
    )
    rest_h: float = Field(
        4, gt=0, le=720, description="hours of the first rest; the second is six times that"
    )


class Recording(Section):
    """The recordings of calls, where a campaign asks for them (`campaign create --record`)."""

    asterisk_dir: str = Field(
        "", description="the recordings' folder as Asterisk sees it; empty: the same path"
    )
    keep_days: int = Field(
        1095, ge=1, le=36500, description="days to keep a recording, or more where a law pack asks for it"
    )


class Dialer(Section):
    """How calls are placed."""

    name: str = Field("dialer", pattern=SAFE_NAME, description="this dialer's name; one process a name")
    dial_timeout_s: int = Field(
        40, ge=10, le=120, description="seconds a phone may ring; a silent trunk shows after 8"
    )
    max_call_s: int = Field(600, ge=30, le=7200, description="the longest call")
    retry_scale: float = Field(1.0, ge=0, description="multiplies the delay before a retry; 0 for trials")


class Contact(Section):
    """Who may be called, and when: beside the law that a campaign names."""

    law: list[Annotated[str, Field(pattern=SAFE_NAME)]] = Field(
        ["ru-230fz-talk"], min_length=1, description="law packs of a new campaign; all must allow a call"
    )
    law_dir: str = Field("", description="folder of your own packs (NAME.toml) beside the shipped ones")
    calendar: str = Field("", description="CSV `country;date;kind` of days that are not as the calendar says")
    attempts_day: int = Field(3, ge=0, description="calls a person and day, whatever the law; 0: no limit")
    attempts_week: int = Field(0, ge=0, description="the same of a calendar week")
    attempts_month: int = Field(0, ge=0, description="the same of a calendar month")
    gap_s: int = Field(0, ge=0, description="seconds between two calls to a person")
    margin_s: int = Field(60, ge=5, le=3600, description="no call begins in the last seconds of its hours")
    clock_shift_s: int = Field(
        0, description="rehearsals only: seconds added to the clock; refused while a trunk leads elsewhere"
    )


class Talk(Section):
    """What a conversation may take from him, and what it may tell who calls us."""

    promise_days: int = Field(
        30, ge=1, le=180, description="days ahead, at most, of a day by which he promises to pay"
    )
    inbound_days: int = Field(
        30, ge=0, le=365, description="days after our call in which his call to us is told why; 0: never"
    )


class Source(Section):
    """A database of the client's that people are selected from; it is only read."""

    name: str = Field("erp", pattern=SAFE_NAME, description="what audiences and campaigns call it")
    url: SecretStr = Field(
        SecretStr(""),
        description="its SQLAlchemy URL, of a user who may only read; empty: there is none",
    )
    table: str = Field("", description="its table or view, with the schema if it is in one: `sales.debtor`")
    query: str = Field("", description="instead of a table: a SELECT of the administrator's")
    columns: dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")], str] = Field(
        {}, description="our name = its column: phone, external_id, person_id, name, lat, lon, any variable"
    )
    statement_timeout_s: float = Field(5, gt=0, le=600, description="seconds that a question may take")
    max_rows: int = Field(1_000_000, ge=1, description="an audience of more people is refused")
    fresh_s: int = Field(3600, ge=60, description="seconds for which an answer to `still owes?` holds")

    @model_validator(mode="after")
    def says_where(self) -> Self:
        """A URL goes with a table or a query, and with columns; our own people need no source."""
        if self.name == "person":
            raise ValueError("`person` is our own table")
        if self.url.get_secret_value() and (bool(self.table) == bool(self.query) or not self.columns):
            raise ValueError("a source has a table or a query, and the columns that are ours")
        return self


class Webhook(Section):
    """A system of the client's that is told every result, or what happens on masked calls, as it comes."""

    name: str = Field("erp", pattern=SAFE_NAME, description="what `zvonar webhook` and metrics call it")
    url: str = Field("", description="where it is posted: https://HOST/PATH; empty: there is none")
    secrets: list[Annotated[SecretStr, Field(min_length=16)]] = Field(
        [], max_length=2, description="keys of the signature; two while one replaces the other"
    )
    tells: Literal["results", "masking"] = Field(
        "results", description="what it is told: results of campaigns, or what happens on masked calls"
    )
    campaigns: list[str] = Field([], description="whose results it is told; empty: all; not for masking")
    batch: int = Field(500, ge=1, le=500, description="results or events in one delivery, at most")
    timeout_s: float = Field(10, gt=0, le=120, description="seconds that a delivery may take in all")
    allow_private: bool = Field(
        False, description="permit an address inside your own network, and http:// without TLS"
    )
    ca_file: str = Field("", description="PEM of your own authority; empty: those that the system trusts")

    @model_validator(mode="after")
    def leads_somewhere(self) -> Self:
        """A URL of TLS that names a host and no user, and a key to sign with."""
        if not self.url:
            return self
        try:
            parts = urlsplit(self.url)
            written = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
        except ValueError:
            written = False
        if not written or "#" in self.url or not all("!" <= letter <= "~" for letter in self.url):
            raise ValueError("url: write https://HOST/PATH")
        if parts.scheme != "https" and not (parts.scheme == "http" and self.allow_private):
            raise ValueError("url: https only; http:// needs allow_private")
        if not self.secrets:
            raise ValueError("secrets: a key to sign with, of 16 letters or more")
        if self.campaigns and self.tells != "results":
            raise ValueError("campaigns: a webhook that is told of masking is told of all of it")
        return self


class Masking(Section):
    """Two people who talk through our number; what a binding does not say itself."""

    mode: str = Field(
        "replace", pattern="^(replace|menu|pool)$", description="one phone with two orders: which is meant"
    )
    ttl_s: int = Field(86_400, ge=60, le=30 * 86_400, description="seconds until an order closes by itself")
    grace_s: int = Field(
        1800, ge=0, le=7 * 86_400, description="seconds for which the client still reaches the driver"
    )
    code_hold_s: int = Field(86_400, ge=0, description="seconds after that before a code is used again")
    record: bool = Field(False, description="record talks, and tell both sides so")
    keep_days: int = Field(180, ge=1, le=36500, description="days to keep these recordings")
    prefixes: list[Annotated[str, Field(pattern=r"^\+[0-9]{1,15}$")]] = Field(
        ["+7"], min_length=1, description="numbers that may be called, by how they begin"
    )
    trunks: list[Annotated[str, Field(pattern=SAFE_NAME)]] = Field(
        [], description="trunks by which calls go on, the first that takes one; empty: all, by priority"
    )
    call_centre: str = Field(
        "",
        pattern=r"^(queue:[A-Za-z0-9_.-]{1,64}|\+?[0-9]{1,18})?$",
        description="who answers strangers: `queue:NAME`, or a number; empty: company.operator",
    )
    whisper: bool = Field(True, description="tell who takes a call from whom it comes, before they talk")
    ring_s: int = Field(40, ge=5, le=120, description="seconds that the other side's phones may ring")
    max_talk_s: int = Field(1800, ge=10, le=7200, description="the longest talk")
    warn_s: int = Field(60, ge=0, le=600, description="seconds before its end both are warned; 0: never")
    calls_at_once: int = Field(2, ge=1, le=20, description="calls of one order at a time, at most")
    calls_hour: int = Field(20, ge=1, le=1000, description="calls of one driver or phone in an hour, at most")
    codes_hour: int = Field(9, ge=3, le=100, description="wrong codes of one phone in an hour, at most")
    alarm_kopecks_hour: int = Field(
        0, ge=0, description="talks that cost more in an hour (trunk.cost) raise an alarm; 0: never"
    )
    calls_days: int = Field(
        365, ge=1, le=36500, description="days to keep what became of a call, beyond its recording"
    )


class Company(Section):
    """In whose name we call."""

    name: str = Field("Звонарь", min_length=1, max_length=64, description="who calls, as the greeting says")
    operator: str = Field(
        "",
        pattern=r"^(queue:[A-Za-z0-9_.-]{1,64}|\+?[0-9]{1,18})?$",
        description="where an operator is: `queue:NAME`, or a number dialled through the campaign's trunk",
    )


class Log(Section):
    """What is written down."""

    level: str = Field("info", pattern="^(debug|info|warning|error)$", description="least level written")
