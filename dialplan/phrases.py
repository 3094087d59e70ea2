"""Names of the phrases that conversations say; their texts are in sounds/LANGUAGE/phrases.toml. Pure."""

from enum import StrEnum


class Debtor(StrEnum):
    """The table [debtor]."""

    ROBOT = "robot"
    CALLED_BACK = "called-back"
    RECORDED = "recorded"
    NO_SUCH_KEY = "no-such-key"
    CONNECTING = "connecting"
    OPERATOR_BUSY = "operator-busy"
    PAID = "paid"
    OPTED_OUT = "opted-out"
    GOODBYE = "goodbye"


class Later(StrEnum):
    """The table [later], of the action of that name."""

    WHICH_HOUR = "which-hour"
    NO_HOUR = "no-hour"
    CALL_BACK = "call-back"


class Promise(StrEnum):
    """The table [promise], of the action of that name."""

    WHICH_DAY = "which-day"
    NO_DAY = "no-day"
    YOU_PROMISE = "you-promise"
    IF_RIGHT = "if-right"
    PROMISED = "promised"


HOURS = tuple(f"hour-{hour:02}" for hour in range(24))  # of [later] too
# Of [promise] too.
DAYS = tuple(f"day-{day:02}" for day in range(1, 32))
MONTHS = tuple(f"month-{month:02}" for month in range(1, 13))


class Mask(StrEnum):
    """The table [mask]."""

    GREETING = "greeting"
    CODE = "code"
    WRONG_CODE = "wrong-code"
    NO_SUCH_KEY = "no-such-key"
    FINISHED = "finished"
    REFUSED = "refused"
    CROSSED = "crossed"
    REASSIGNED = "reassigned"
    RECORDED = "recorded"
    BUSY = "busy"
    NO_ANSWER = "no-answer"
    OFF = "off"
    TOLD = "told"
    TO_CENTRE = "to-centre"
    CENTRE_BUSY = "centre-busy"
    FROM_DRIVER = "from-driver"
    FROM_CLIENT = "from-client"
    BACK_TO_CLIENT = "back-to-client"
    BACK_TO_DRIVER = "back-to-driver"
    GOODBYE = "goodbye"


ORDERS = tuple(f"menu-{place}" for place in range(1, 10))  # of [mask] too


class Common(StrEnum):
    """The table [common]; what the dialplan itself plays when we are not there, or have nothing to tell."""

    FALLBACK = "fallback"
    NOTICE = "notice"
    CENTRE = "centre"
    SOON_OVER = "soon-over"
