"""A fake Asterisk in this process: AMI over a real socket, calls to scripted callees, FastAGI on answer.

For fast tests and rehearsals. What it does was seen on Asterisk 22.10.1, and tests play the same contract to
both: an unknown endpoint gives a failed OriginateResponse and no Hangup; so does a ChannelId that is alive;
our timeout and a carrier's 480 end alike, but for `Reason: 3`; silence ends with 408 at timer B; after an
answer or at an end OriginateResponse and the other event come in either order (by `seed`).

It knows no rights and no filters: every logged-in user may do everything and hears every event.
"""

import asyncio
import random
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from uuid import uuid4

from engine.gateways.ami_protocol import Framer, Message
from engine.gateways.fake_agi import Agi, Gone, Phone, run
from engine.gateways.fake_callee import (
    ALERTING_NO_ANSWER,
    NO_USER_RESPONDING,
    NORMAL,
    Callee,
    cause_of,
)
from engine.gateways.fake_dial import Dials
from engine.gateways.fake_queue import Queues

TIMED_OUT, ANSWERED = 3, 4  # OriginateResponse's Reason


@dataclass(slots=True)
class Call:
    """One call that got a channel; `cause` is None while it lives."""

    channel: str
    number: str
    phone: Phone
    endpoint: str
    answered: bool = False
    cause: int | None = None


@dataclass(eq=False, slots=True)
class Session:
    """One AMI connection; `user` is empty before the login."""

    writer: asyncio.StreamWriter
    user: str = ""
    events: bool = False

    def send(self, headers: Mapping[str, object]) -> None:
        """One message."""
        lines = [f"{name}: {value}\r\n" for name, value in headers.items()]
        self.writer.write("".join([*lines, "\r\n"]).encode())

    def reply(self, action: Message, response: str, text: str, **more: str) -> None:
        """The reply to an action."""
        head = {"Response": response, "ActionID": action.get("ActionID"), "Message": text}
        self.send(head | more)


class FakeAsterisk:
    """`script` tells how a number, or `queue:NAME`, behaves; `queues` may have operators instead, one by one.
    `speed` runs its clock faster. For fault tests: `on_action` may take an action over (then it returns
    True), `booted` False delays FullyBooted until `boot`, `drop` breaks connections, `tell` sends any event.
    `received` holds every action with its user, `calls` every call with what its phone heard.
    """

    def __init__(
        self,
        script: Callable[[str], Callee],
        agi: Agi | None = None,
        *,
        secret: str,
        speed: float = 1.0,
        seed: int = 0,
        port: int = 0,
    ) -> None:
        self.script, self.agi, self.secret, self.speed, self.port = script, agi, secret, speed, port
        self.users = {"zvonar", "zvonar-watch"}
        self.endpoints = {"trunk"}
        self.unreachable: set[str] = set()
        self.carriers: dict[str, Callee] = {}  # endpoint -> what all calls behind it come to
        self.version = "22.10.1"
        self.timer_b_s = 8.0
        self.fallback_s = 1.0  # the prompt that the dialplan plays when AGI_DONE is not set
        self.booted = True
        self.on_action: Callable[[Session, Message], bool] = lambda _session, _action: False
        self.received: list[tuple[str, Message]] = []
        self.calls: list[Call] = []
        self.sessions: set[Session] = set()
        self.queues = Queues(self.tell)
        self.dials = Dials(self)
        self._live: dict[str, Call] = {}
        self._random = random.Random(seed)
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen on loopback; the port."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._began = time.monotonic()
        return self.port

    async def stop(self) -> None:
        """As by kill -9: calls and connections are gone at once, without an event."""
        self._server.close()
        self.drop()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def drop(self) -> None:
        """Break every AMI connection."""
        for session in self.sessions:
            session.writer.transport.abort()

    def boot(self) -> None:
        """Fully booted, from now."""
        self.booted = True
        for session in self.sessions:
            self._tell_booted(session)

    def tell(self, event: str, **headers: object) -> None:
        """An event for every session that hears events."""
        for session in self.sessions:
            if session.events:
                session.send({"Event": event, "Privilege": "call,all"} | headers)

    # AMI.

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        session, framer = Session(writer), Framer(greeted=False)
        self.sessions.add(session)
        writer.write(b"Asterisk Call Manager/11.0.0\r\n")
        try:
            while data := await reader.read(65536):
                for action in framer.feed(data):
                    self.received.append((session.user, action))
                    if not self.on_action(session, action):
                        self._act(session, action)
        except ConnectionError:
            pass  # broken by either side: over, as when it is closed
        finally:
            self.sessions.discard(session)
            writer.close()

    def _act(self, session: Session, action: Message) -> None:
        acts = {
            "CoreSettings": self._core_settings,
            "CoreShowChannels": self._core_show_channels,
            "Getvar": self._getvar,
            "Hangup": self._hangup,
            "Login": self._log_in,
            "Originate": self._originate,
            "Ping": self._ping,
            "QueueStatus": self.queues.status,
        }
        name = action.get("Action")
        if name not in acts:
            session.reply(action, "Error", f"Invalid/unknown command: {name}.")
        elif name != "Login" and not session.user:
            session.reply(action, "Error", "Permission denied")
        else:
            acts[name](session, action)

    def _log_in(self, session: Session, action: Message) -> None:
        if action.get("Username") not in self.users or action.get("Secret") != self.secret:
            session.reply(action, "Error", "Authentication failed")
            session.writer.close()
            return
        session.user = action.get("Username")
        session.events = action.get("Events") == "on"
        session.reply(action, "Success", "Authentication accepted")
        if self.booted:
            self._tell_booted(session)

    def _tell_booted(self, session: Session) -> None:
        uptime = int(time.monotonic() - self._began)
        if session.events:
            session.send({"Event": "FullyBooted", "Uptime": uptime, "Status": "Fully Booted"})

    def _ping(self, session: Session, action: Message) -> None:
        session.reply(action, "Success", "", Ping="Pong")

    def _core_settings(self, session: Session, action: Message) -> None:
        session.reply(action, "Success", "", AsteriskVersion=self.version)

    def _core_show_channels(self, session: Session, action: Message) -> None:
        session.reply(action, "Success", "Channels will follow", EventList="start")
        action_id = action.get("ActionID")
        for call in self._live.values():
            told = {"Uniqueid": call.channel, "ChannelState": "6" if call.answered else "5"}
            session.send({"Event": "CoreShowChannel", "ActionID": action_id} | told)
        ends = {"ActionID": action_id, "EventList": "Complete", "ListItems": len(self._live)}
        session.send({"Event": "CoreShowChannelsComplete"} | ends)

    def reach(self, endpoint: str, reachable: bool) -> None:
        """A carrier stops answering OPTIONS, or answers again; calls behind it fail at once meanwhile."""
        (self.unreachable.discard if reachable else self.unreachable.add)(endpoint)
        status = "Reachable" if reachable else "Unreachable"
        self.tell("PeerStatus", ChannelType="PJSIP", Peer=f"PJSIP/{endpoint}", PeerStatus=status)

    def _getvar(self, session: Session, action: Message) -> None:
        name = action.get("Variable")
        endpoint = name.removeprefix("DEVICE_STATE(PJSIP/").removesuffix(")")
        state = "UNAVAILABLE" if endpoint in self.unreachable else "NOT_INUSE"
        value = state if endpoint in self.endpoints else "INVALID"
        session.reply(action, "Success", "", Variable=name, Value=value)

    def _hangup(self, session: Session, action: Message) -> None:
        call = self._live.get(action.get("Channel"))
        if call is None:
            session.reply(action, "Error", "No such channel")
            return
        session.reply(action, "Success", "Channel Hungup")
        call.phone.hang_up()

    def _originate(self, session: Session, action: Message) -> None:
        dialled = re.fullmatch(r"PJSIP/([^@]+)@(.+)", action.get("Channel"))
        if dialled is None or not action.get("Exten"):
            session.reply(action, "Error", "Invalid channel")
            return
        session.reply(action, "Success", "Originate successfully queued")
        number, endpoint = dialled.groups()
        channel = action.get("ChannelId")
        if endpoint not in self.endpoints - self.unreachable or channel in self._live:
            self._originate_response(channel, "Failure", 0)
            return
        variables = dict(one.split("=", 1) for line in action.all("Variable") for one in line.split(","))
        call = Call(channel, number, Phone(self.speed, variables), endpoint)
        self._live[channel] = call
        self.calls.append(call)
        task = asyncio.create_task(self._live_through(call, float(action.get("Timeout", "30000")) / 1000))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _originate_response(self, channel: str, response: str, reason: int) -> None:
        told = {"ActionID": channel, "Response": response, "Reason": reason, "Uniqueid": channel}
        self.tell("OriginateResponse", **told)

    # A call's life.

    async def call_in(
        self,
        number: str,
        did: str,
        keys: Sequence[tuple[float, str]] = (),
        hangs_up_s: float | None = None,
        *,
        withheld: bool = False,
    ) -> Phone:
        """Somebody calls a masking number of ours, and presses keys, or hangs up, so many seconds later; his
        phone, once his call is over. Without our server the dialplan plays `centre`, and that is all.
        """
        phone = Phone(self.speed, {})
        for at_s, key in keys:
            phone.later(at_s, partial(phone.press, key))
        if hangs_up_s is not None:
            phone.later(hangs_up_s, phone.hang_up)
        told = {"callerid": number or "unknown", "dnid": did, "callingpres": "32" if withheld else "0"}
        told |= {"context": "zvonar-mask", "extension": "call", "arg_1": "ZVONAR_MASK="}
        if self.agi:
            with suppress(OSError):
                await run(replace(self.agi, script="mask"), str(uuid4()), phone, self.dials.reach, told)
        if phone.variables.get("AGI_DONE") != "1" and not phone.gone:
            with suppress(Gone):
                await phone.wait(self.fallback_s)
            phone.heard.append(("centre", self.fallback_s))
        phone.hang_up()
        return phone

    async def _live_through(self, call: Call, ring_s: float) -> None:
        try:
            cause, sip, reason = await self._ring(call, ring_s)
            if reason == ANSWERED:
                await self._talk(call)
        except Gone:
            cause, sip, reason = NORMAL, None, ANSWERED if call.answered else 0
        del self._live[call.channel]
        call.phone.hang_up()
        call.cause = cause
        ends = {"Uniqueid": call.channel, "Cause": cause, "Cause-txt": "as told"}
        last = [lambda: self.tell("Hangup", **ends | ({"TechCause": sip} if sip else {}))]
        if not call.answered:
            last.append(lambda: self._originate_response(call.channel, "Failure", reason))
        self._in_any_order(last)

    async def _ring(self, call: Call, ring_s: float) -> tuple[int, int | None, int]:
        """From INVITE to final answer or time-out: (cause, SIP code, OriginateResponse's reason). Gone."""
        callee = self.carriers.get(call.endpoint) or self.script(call.number)
        silent = callee.code == 0 and not callee.rings and not callee.progress
        if callee.rings:
            self.tell("Newstate", ChannelState=5, ChannelStateDesc="Ringing", Uniqueid=call.channel)
        elif callee.progress:
            self.tell("DialState", DestUniqueid=call.channel, DialStatus="PROGRESS")
        after_s = self.timer_b_s if silent else callee.after_s
        if after_s >= ring_s or (callee.code == 0 and not silent):
            await call.phone.wait(ring_s)
            return ALERTING_NO_ANSWER, 480, TIMED_OUT
        await call.phone.wait(after_s)
        if silent:
            return NO_USER_RESPONDING, 408, 0
        if callee.code != 200:
            return cause_of(callee.code), callee.code, 0
        return NORMAL, None, ANSWERED

    async def _talk(self, call: Call) -> None:
        """Answered: the conversation, and the fallback if that did not come to its end. Gone."""
        call.answered = True
        callee = self.script(call.number)
        for at_s, key in callee.keys:
            call.phone.later(at_s, partial(call.phone.press, key))
        if callee.hangs_up_s is not None:
            call.phone.later(callee.hangs_up_s, call.phone.hang_up)
        up = {"ChannelState": 6, "ChannelStateDesc": "Up", "Uniqueid": call.channel}
        self._in_any_order(
            [
                lambda: self.tell("Newstate", **up),
                lambda: self._originate_response(call.channel, "Success", ANSWERED),
            ]
        )
        if self.agi:
            with suppress(OSError):  # no server there: AGISTATUS=FAILURE, and the dialplan goes on
                await run(self.agi, call.channel, call.phone, self.dials.reach)
        if call.phone.variables.get("AGI_DONE") != "1":
            await call.phone.wait(self.fallback_s)
            call.phone.heard.append(("fallback", self.fallback_s))

    def _in_any_order(self, tellings: list[Callable[[], None]]) -> None:
        self._random.shuffle(tellings)
        for telling in tellings:
            telling()
