"""The scripts that Asterisk may ask for, each a conversation with the engine behind it.

| script | conversation |
|---|---|
| debtor | dialplan.debtor; its call is found by the variable ZVONAR_ATTEMPT, which the dialplan sends |
| debtor, no attempt | the same on a call to us; who we do not know is left to the dialplan |
| joined | none: an operator took the debtor's call (argument 1: the attempt); noted, and they talk |
| mask | dialplan.mask, on a number of ours; ZVONAR_MASK names a call in which we rang the caller first |
| mask-taken | dialplan.mask.taken, on the other side's channel (argument 1: the call) |
| mask-failed | none: he whom we rang first did not take the call (argument 1); noted |

Who answered, as Asterisk's AMD takes it, comes with the call as AMDSTATUS; it asks nothing.
"""

from collections.abc import Generator, Mapping
from typing import Any

from dialplan.debtor import Abandoned, OptOut, debtor
from dialplan.mask import mask, taken
from engine.campaign.sheet import Sheet
from engine.campaign.talks import Talks
from engine.masking.calls import Calls
from fastagi.routes import Call, Route, Scenario
from storage.vocab import Amd

ATTEMPT, AMD, MASK = "ZVONAR_ATTEMPT", "AMDSTATUS", "ZVONAR_MASK"
WITHHELD = 32  # of Asterisk's CALLINGPRES: the caller forbade that his number be shown


def routes(talks: Talks, calls: Calls) -> Mapping[str, Route]:
    """Script name -> route, for the server."""
    return {**_debtors(talks, calls), **_masked(calls)}


def _debtors(talks: Talks, calls: Calls) -> Mapping[str, Route]:

    def debtor_at_hand(call: Call) -> Scenario | None:
        sheet = talks.at_hand(call.variables[ATTEMPT])
        return _debtor(call, sheet) if sheet else None

    def open_debtor(call: Call) -> Scenario | None:
        if call.variables[ATTEMPT]:
            return _debtor(call, talks.open(call.variables[ATTEMPT]))
        if calls.serves(call.dnid):  # a number of either kind may come in by the same trunk
            return _mask(call, calls)
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
        return Scenario(conversation=_nothing())

    return {"debtor": Route(open_debtor, (ATTEMPT,), at_hand=debtor_at_hand), "joined": Route(open_joined)}


def _amd(call: Call) -> Amd:
    """AMD's verdict; what it does not say is none."""
    said = call.sent.get(AMD, "").lower()
    return Amd(said) if said in list(Amd) else Amd.NONE


def _nothing() -> Generator[Any, Any, None]:
    """A conversation in which nothing is said."""
    yield from ()


def _masked(calls: Calls) -> Mapping[str, Route]:
    def open_mask(call: Call) -> Scenario:
        return _mask(call, calls)

    def open_taken(call: Call) -> Scenario:
        name = call.args[0] if call.args else ""
        they = calls.taken(name)

        def finish(talk: bool | None) -> None:
            if talk and they.recorded:
                calls.joined(name)

        return Scenario(conversation=taken(they), finish=finish)

    def open_failed(call: Call) -> Scenario:
        calls.untaken(call.args[0] if call.args else "")
        return Scenario(conversation=_nothing())

    taken_, failed = Route(open_taken), Route(open_failed)
    return {"mask": Route(open_mask, (MASK,)), "mask-taken": taken_, "mask-failed": failed}


def _mask(call: Call, calls: Calls) -> Scenario:
    """A number that is withheld, and that the carrier tells us alone, leads too; it is never shown."""
    ordered = call.variables.get(MASK, "")
    line, sheet = calls.ordered(ordered) if ordered else calls.open(call.dnid, call.caller_id)
    return Scenario(
        conversation=mask(sheet),
        tell=line.dialling,
        lookup=line.ask,
        finish=lambda end: calls.save(line, end),
    )
