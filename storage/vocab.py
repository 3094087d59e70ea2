"""One vocabulary: every state, outcome and role, named once.

Stored as text, so a row can be read without this file. Pure: nothing is imported but enum.
"""

from enum import StrEnum


class CampaignState(StrEnum):
    """draft -> running <-> paused -> stopped; running -> done when no lead is left."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"


class Pacing(StrEnum):
    """How a campaign fills its channels: to its limit, one call a free operator, ahead of the operators."""

    FILL = "fill"
    PROGRESSIVE = "progressive"
    PREDICTIVE = "predictive"


class Recording(StrEnum):
    """What became of a call's recording."""

    NONE = ""
    WANTED = "wanted"
    KEPT = "kept"
    MISSING = "missing"
    REMOVED = "removed"


class LeadState(StrEnum):
    """new (audio not made) -> pending -> in-flight -> pending (retry) | done; blocked says why."""

    NEW = "new"
    PENDING = "pending"
    IN_FLIGHT = "in-flight"
    DONE = "done"
    BLOCKED = "blocked"


class AttemptState(StrEnum):
    """prepared -> sent -> ringing -> answered -> ended | unknown; only forward."""

    PREPARED = "prepared"
    SENT = "sent"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    UNKNOWN = "unknown"


class Outcome(StrEnum):
    """How one attempt ended; every attempt has exactly one (the public contract's list)."""

    ANSWERED_HEARD = "answered-heard"
    ANSWERED_PARTIAL = "answered-partial"
    ANSWERED_OPERATOR = "answered-operator"
    ANSWERED_OPT_OUT = "answered-opt-out"
    ANSWERED_PAID_CLAIM = "answered-paid-claim"
    ANSWERED_PROMISE = "answered-promise"
    MACHINE = "machine"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    UNREACHABLE = "unreachable"
    INVALID_NUMBER = "invalid-number"
    REJECTED = "rejected"
    CONGESTION = "congestion"
    TRUNK_FAULT = "trunk-fault"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


class Role(StrEnum):
    """Whose phone a lead names: the debtor himself or a contact person of his."""

    DEBTOR = "debtor"
    CONTACT = "contact"


class Action(StrEnum):
    """What a key does for whoever presses it after a message."""

    OPERATOR = "operator"
    REPEAT = "repeat"
    PAID = "paid"
    PROMISE = "promise"
    LATER = "later"
    OPT_OUT = "opt-out"


class Amd(StrEnum):
    """Who answered, as Asterisk's AMD takes it; empty: it was not asked, or he hung up meanwhile."""

    NONE = ""
    HUMAN = "human"
    MACHINE = "machine"
    NOTSURE = "notsure"


class AudioState(StrEnum):
    """A fragment's audio: asked for, on disk, or impossible (with the reason)."""

    WANTED = "wanted"
    READY = "ready"
    FAILED = "failed"


class NumberKind(StrEnum):
    """What sort of line a number is."""

    MOBILE = "mobile"
    FIXED = "fixed"
    TOLL_FREE = "toll-free"
    PREMIUM = "premium"
    OTHER = "other"


class ZoneSource(StrEnum):
    """What told a person's time zone, the surest first."""

    TIMEZONE = "timezone"
    COORDINATES = "coordinates"
    REGION = "region"
    NUMBERING = "numbering"
    PREFIX = "prefix"
    UNKNOWN = "unknown"


class CallKind(StrEnum):
    """What the law takes a call for: a talk (with a person or a robot) or a one-way message."""

    TALK = "talk"
    MESSAGE = "message"


class Waits(StrEnum):
    """What a pending lead waits for, when it is more than its turn and its hours."""

    TURN = ""
    LIMIT = "limit"
    LINE = "line"
    BLACKLIST = "blacklist"
    OWES = "owes"
    TRUNK = "trunk"
    CALL_BACK = "call-back"
    PROMISE = "promise"


class BanKind(StrEnum):
    """What a blacklist entry names; its key is `kind:value`."""

    NUMBER = "number"
    PREFIX = "prefix"
    PERSON = "person"
    GROUP = "group"


class ConsentKind(StrEnum):
    """What somebody agreed to, or refused: calls at all, advertising, mass calls; or, of a contact person,
    that the debtor agreed to our calling him.
    """

    CALLS = "calls"
    ADVERTISING = "advertising"
    MASS_CALLS = "mass-calls"
    DEBTOR_AGREED = "debtor-agreed"


class FieldKind(StrEnum):
    """What a field of a source holds, as far as it is told."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    FLAG = "flag"
    UNKNOWN = "unknown"


class Scope(StrEnum):
    """What a key of our HTTP is good for."""

    BINDINGS_READ = "bindings:read"
    BINDINGS_WRITE = "bindings:write"
    CALLS_WRITE = "calls:write"
    RECORDINGS_READ = "recordings:read"


class MaskRole(StrEnum):
    """Which side of an order somebody is."""

    DRIVER = "driver"
    CLIENT = "client"


class MaskMode(StrEnum):
    """When one phone has several orders: the newest, asked by voice, or a number of its own for each."""

    REPLACE = "replace"
    MENU = "menu"
    POOL = "pool"


class MaskWay(StrEnum):
    """What is done with a call on a masking number."""

    CONNECT = "connect"
    MENU = "menu"
    CODE = "code"
    CALL_CENTRE = "call-centre"
    HANG_UP = "hang-up"


class MaskRule(StrEnum):
    """Why a masked call goes where it goes; empty: nothing stands against it."""

    NONE = ""
    LIVE = "live"
    GRACE = "grace"
    NEWEST_ORDER = "newest-order"
    NEWEST_GRACE = "newest-grace"
    SEVERAL_ORDERS = "several-orders"
    CHOSEN = "chosen"
    NO_SUCH_CHOICE = "no-such-choice"
    NO_CHOICE = "no-choice"
    CODE = "code"
    WRONG_CODE = "wrong-code"
    WRONG_CODES = "wrong-codes"
    CODES_HOUR = "codes-hour"
    STRANGER = "stranger"
    ORDER_FINISHED = "order-finished"
    ORDER_REASSIGNED = "order-reassigned"
    CALL_BACK = "call-back"
    CROSSED = "crossed"
    PREFIX = "prefix"
    CALLS_AT_ONCE = "calls-at-once"
    CALLS_HOUR = "calls-hour"
    NO_TRUNK = "no-trunk"


class MaskEnd(StrEnum):
    """How a masked call ended; empty: it has not.

    talked; busy, no-answer, off: the other side's phones; abandoned: the caller gave up; reassigned, closed:
    what became of the order while it rang; crossed: the other side was calling him; centre: led to the call
    centre, unattended: where nobody answered; lost: nobody was left to tell.
    """

    NONE = ""
    TALKED = "talked"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    OFF = "off"
    ABANDONED = "abandoned"
    REASSIGNED = "reassigned"
    CLOSED = "closed"
    CROSSED = "crossed"
    CENTRE = "centre"
    UNATTENDED = "unattended"
    LOST = "lost"


class MaskEvent(StrEnum):
    """What a dispatch is told of masking."""

    BOUND = "bound"
    CLOSED = "closed"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"
    STRANGER = "stranger"
    REFUSED = "refused"
    RECORDING_READY = "recording-ready"
    ALARM = "alarm"


class NumberState(StrEnum):
    """A masking number: given out, kept only for orders that have it, or not used."""

    ON = "on"
    DRAIN = "drain"
    OFF = "off"
