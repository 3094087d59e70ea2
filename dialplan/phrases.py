"""Names of the phrases that conversations say; their texts are in sounds/LANGUAGE/phrases.toml. Pure."""

from enum import StrEnum


class Debtor(StrEnum):
    """The table [debtor]."""

    ROBOT = "robot"
    RECORDED = "recorded"
    MENU = "menu"
    MENU_ALONE = "menu-alone"
    CONNECTING = "connecting"
    OPERATOR_BUSY = "operator-busy"
    PAID = "paid"
    OPTED_OUT = "opted-out"
    GOODBYE = "goodbye"
    LATER = "later"
    WHICH_HOUR = "which-hour"
    NO_HOUR = "no-hour"
    CALL_BACK = "call-back"


HOURS = tuple(f"hour-{hour:02}" for hour in range(24))  # of the table [debtor] too


class Common(StrEnum):
    """The table [common]; what the dialplan itself plays when we are not there."""

    FALLBACK = "fallback"
