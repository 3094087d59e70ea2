"""The queues of the fake Asterisk: operators who are free, ring, talk, go on pause; AMI is told each time.

As in Asterisk with `retry = 1`: a caller for whom nobody is free is tried again each second until his
time-out; an operator who rings is given up with the caller.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.gateways.fake_agi import Phone

if TYPE_CHECKING:
    from engine.gateways.ami_protocol import Message
    from engine.gateways.fake import Session

NOT_IN_USE, IN_USE, RINGING = 1, 2, 6
RETRY_S = 1.0


@dataclass(slots=True)
class Operator:
    """One operator in one queue. Seconds: until he answers, and how long he talks if the caller stays."""

    queue: str
    interface: str
    answers_s: float = 0.1
    talks_s: float = 3600.0
    wrapup_s: int = 0
    paused: bool = False
    state: int = NOT_IN_USE
    taken: int = 0

    def headers(self) -> dict[str, object]:
        """What an event tells of him."""
        return {
            "Queue": self.queue,
            "MemberName": self.interface,
            "Interface": self.interface,
            "StateInterface": self.interface,
            "CallsTaken": self.taken,
            "Status": self.state,
            "Paused": int(self.paused),
            "Wrapuptime": self.wrapup_s,
        }


class Queues:
    """All of them; `tell` sends an event to AMI."""

    def __init__(self, tell: Callable[..., None]) -> None:
        self._tell = tell
        self._operators: list[Operator] = []

    def add(self, operator: Operator) -> Operator:
        """An operator logs in."""
        self._operators.append(operator)
        self._tell("QueueMemberAdded", **operator.headers())
        return operator

    def remove(self, operator: Operator) -> None:
        """He logs off; a call that he has goes on."""
        self._operators.remove(operator)
        self._tell("QueueMemberRemoved", **operator.headers())

    def pause(self, operator: Operator, paused: bool = True) -> None:
        """He takes a rest, or is back."""
        operator.paused = paused
        self._tell("QueueMemberPause", **operator.headers())

    def has(self, queue: str) -> bool:
        """Is anybody in this queue?"""
        return any(operator.queue == queue for operator in self._operators)

    def status(self, session: "Session", action: "Message") -> None:
        """The action QueueStatus: everybody in every queue."""
        told = {"ActionID": action.get("ActionID")}
        session.reply(action, "Success", "Queue status will follow", EventList="start")
        for operator in self._operators:
            headers = operator.headers()
            session.send({"Event": "QueueMember", "Location": headers.pop("Interface")} | headers | told)
        session.send({"Event": "QueueStatusComplete", "EventList": "Complete"} | told)

    async def connect(self, queue: str, phone: Phone, timeout_s: float) -> bool:
        """A caller in the queue: True after a talk with an operator, False when none came in time. Gone."""
        left = timeout_s
        while True:
            operator = self._free(queue)
            if operator is None and left <= 0:
                return False
            if operator is None:
                pause = min(left, RETRY_S)
                await phone.wait(pause)
                left -= pause
                continue
            try:
                return await self._ring(operator, phone, left)
            finally:
                self._becomes(operator, NOT_IN_USE)

    async def _ring(self, operator: Operator, phone: Phone, left: float) -> bool:
        self._becomes(operator, RINGING)
        await phone.wait(min(operator.answers_s, left))
        if operator.answers_s > left:
            return False
        operator.taken += 1
        self._becomes(operator, IN_USE)
        await phone.wait(operator.talks_s)
        return True

    def _free(self, queue: str) -> Operator | None:
        able = (one for one in self._operators if one.queue == queue and not one.paused)
        return next((one for one in able if one.state == NOT_IN_USE), None)

    def _becomes(self, operator: Operator, state: int) -> None:
        operator.state = state
        if operator in self._operators:
            self._tell("QueueMemberStatus", **operator.headers())
