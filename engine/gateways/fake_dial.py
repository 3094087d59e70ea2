"""EXEC Dial and EXEC Queue of the fake Asterisk: somebody is rung for a caller, and they talk.

Of Dial's options `f` (what the callee sees), `U` (he passes our script `mask-taken` first, and is let go when
that says so) and `L` (how long they may talk) are played; the others change nothing here.
"""

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from uuid import uuid4

from engine.gateways.fake_agi import Phone, Wanted, run
from engine.gateways.fake_callee import NORMAL, Rung, rung

if TYPE_CHECKING:
    from engine.gateways.fake import FakeAsterisk

TAKEN = "zvonar-mask-taken"


@dataclass(slots=True)
class Leg:
    """One who was rung: what he saw, and, once he answered, his phone."""

    number: str
    endpoint: str
    shown: str
    phone: Phone | None = None


class Dials:
    """All of them; `legs` in the order of ringing."""

    def __init__(self, asterisk: "FakeAsterisk") -> None:
        self._asterisk = asterisk
        self.legs: list[Leg] = []

    async def reach(self, phone: Phone, wanted: Wanted) -> Rung:
        """What becomes of the caller's being connected; after the talk. Gone: he hung up."""
        asterisk = self._asterisk
        queue = wanted.target.removeprefix("queue:")
        if queue != wanted.target and asterisk.queues.has(queue):
            answered = await asterisk.queues.connect(queue, phone, wanted.timeout_s)
            return Rung("ANSWER" if answered else "NOANSWER", NORMAL, 0)
        leg = Leg(wanted.target, wanted.endpoint, _option(wanted, "f"))
        self.legs.append(leg)
        callee = asterisk.carriers.get(wanted.endpoint) or asterisk.script(wanted.target)
        found = rung(callee, wanted.timeout_s, asterisk.timer_b_s)
        await phone.wait(found.after_s)
        if found.status != "ANSWER":
            return found
        leg.phone = Phone(asterisk.speed, {})
        try:
            await self._talk(phone, leg.phone, wanted, callee.hangs_up_s)
        finally:
            leg.phone.hang_up()
        return found

    async def _talk(self, phone: Phone, taken: Phone, wanted: Wanted, hangs_up_s: float | None) -> None:
        context, _, call = _option(wanted, "U").partition("^")
        if context == TAKEN:
            if hangs_up_s is not None:
                taken.later(hangs_up_s, taken.hang_up)
            await self._pass(taken, call)
            if taken.variables.get("GOSUB_RESULT") == "CONTINUE":
                return
        limit_s = float(_option(wanted, "L").partition(":")[0] or 0) / 1000
        await phone.wait(hangs_up_s if hangs_up_s is not None else limit_s)

    async def _pass(self, taken: Phone, call: str) -> None:
        """The callee's channel passes our context; without a server they talk at once."""
        asterisk = self._asterisk
        if asterisk.agi is None:
            return
        told = {"context": TAKEN, "extension": "s", "arg_1": call}
        with suppress(OSError):
            await run(replace(asterisk.agi, script="mask-taken"), str(uuid4()), taken, self.reach, told)


def _option(wanted: Wanted, letter: str) -> str:
    """What stands in brackets behind an option of Dial; "" without it."""
    found = re.search(rf"{letter}\(([^)]*)\)", wanted.options)
    return found[1] if found else ""
