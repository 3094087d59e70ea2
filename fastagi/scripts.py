"""The scripts that Asterisk may ask for, each a conversation with the engine behind it.

| script | conversation |
|---|---|
| debtor | dialplan.debtor; its call is found by the variable ZVONAR_ATTEMPT, which the dialplan sends |
| debtor, no attempt | the same on a call to us; who we do not know is left to the dialplan |
| joined | none: an operator took the debtor's call (argument 1: the attempt); noted, and they talk |

Who answered, as Asterisk's AMD takes it, comes with the call as AMDSTATUS; it asks nothing.
"""

from collections.abc import Generator, Mapping
from typing import Any

from dialplan.debtor import Abandoned, OptOut, debtor
from engine.campaign.sheet import Sheet
from engine.campaign.talks import Talks
from fastagi.routes import Call, Route, Scenario
from storage.vocab import Amd

ATTEMPT, AMD = "ZVONAR_ATTEMPT", "AMDSTATUS"
WITHHELD = 32  # of Asterisk's CALLINGPRES: the caller forbade that his number be shown


def routes(talks: Talks) -> Mapping[str, Route]:
    """Script name -> route, for the server."""

    def debtor_at_hand(call: Call) -> Scenario | None:
        sheet = talks.at_hand(call.variables[ATTEMPT])
        return _debtor(call, sheet) if sheet else None

    def open_debtor(call: Call) -> Scenario | None:
        if call.variables[ATTEMPT]:
            return _debtor(call, talks.open(call.variables[ATTEMPT]))
        number = "" if call.presentation & WITHHELD else call.caller_id
        sheet = talks.called_back(number, call.dnid)
        return _debtor(call, sheet) if sheet else None

    def _debtor(call: Call, sheet: Sheet) -> Scenario:
        acts = {OptOut: talks.opt_out, Abandoned: talks.abandoned}
        amd = _amd(call)
        return Scenario(
            conversation=debtor(sheet.call, amd),
            tell=lambda fact: acts[type(fact)](sheet),
            finish=lambda talk: talks.save(sheet, talk, amd),
        )

    def open_joined(call: Call) -> Scenario:
        talks.joined(call.args[0] if call.args else "")
        return Scenario(conversation=_nothing(), tell=_ignore, finish=_ignore)

    return {"debtor": Route(open_debtor, (ATTEMPT,), at_hand=debtor_at_hand), "joined": Route(open_joined)}


def _amd(call: Call) -> Amd:
    """AMD's verdict; what it does not say is none."""
    said = call.sent.get(AMD, "").lower()
    return Amd(said) if said in list(Amd) else Amd.NONE


def _nothing() -> Generator[Any, Any, None]:
    """A conversation in which nothing is said."""
    yield from ()


def _ignore(_said: Any) -> None:
    """Nothing follows from it."""
