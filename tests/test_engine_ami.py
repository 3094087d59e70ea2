"""engine.gateways.ami against a fake Asterisk: lost, late, doubled, reordered, refused, half dead."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog
import uvloop
from pydantic import SecretStr

from engine import telemetry
from engine.errors import AsteriskDown, UsageError
from engine.gateways.ami import Accepted, Declined, Node, Unclear
from engine.gateways.ami_link import NoReply, Timing
from engine.gateways.ami_protocol import (
    Answered,
    Ended,
    Event,
    LinkDown,
    LinkUp,
    Message,
    Originate,
    Originated,
    Ringing,
)
from engine.gateways.fake import Callee, FakeAsterisk, Session
from engine.sections import Asterisk

SECRET = "a-secret-of-the-test"
QUICK = Timing(connect_s=2, reply_s=0.3, list_s=2, ping_s=0.1, back_off_s=(0.02, 0.1))
PATIENT = Timing(back_off_s=(0.02, 0.1))
LONG_S = 30  # a bound for what never takes so long


@pytest.fixture(params=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Callable[[Awaitable[None]], None]:
    """Run a scenario on either event loop, bounded in time."""
    factory = uvloop.new_event_loop if request.param == "uvloop" else asyncio.new_event_loop

    def runner(scenario: Awaitable[None]) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(LONG_S):
                await scenario

        with asyncio.Runner(loop_factory=factory) as loop:
            loop.run(bounded())

    return runner


def fake(**more: Any) -> FakeAsterisk:
    return FakeAsterisk(more.pop("script", lambda _number: Callee(after_s=3600)), secret=SECRET, **more)


def settings(port: int, **more: Any) -> Asterisk:
    return Asterisk(**{"name": "node", "port": port, "secret": SecretStr(SECRET)} | more)


@asynccontextmanager
async def joined(
    asterisk: FakeAsterisk, timing: Timing = PATIENT, *, up: bool = True, **more: Any
) -> AsyncIterator[Node]:
    """A node and its Asterisk, both started; with `up`, connected and its first LinkUp taken."""
    node = Node(settings(await asterisk.start()), timing, **more)
    await node.start()
    try:
        if up:
            assert isinstance(await take_one(node), LinkUp)
            await until(lambda: node.connected)
        yield node
    finally:
        await node.stop()
        await asterisk.stop()


async def until(condition: Callable[[], bool]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


async def take_one(node: Node) -> Event:
    (event,) = await node.take(1)
    return event


def call(attempt: str = "attempt-1", **more: Any) -> Originate:
    return Originate(
        **{"attempt": attempt, "number": "79161234567", "endpoint": "trunk", "context": "c"} | more
    )


def sent(asterisk: FakeAsterisk, name: str) -> list[Message]:
    return [action for _, action in asterisk.received if action.get("Action") == name]


class Hook:
    """Does something else instead of an action's carrying out, each time or the first time."""

    def __init__(self, name: str, do: Callable[[Session, Message], Any], *, once: bool = False) -> None:
        self.name, self.do, self.once, self.hits = name, do, once, 0

    def __call__(self, session: Session, action: Message) -> bool:
        if action.get("Action") != self.name or (self.once and self.hits):
            return False
        self.hits += 1
        self.do(session, action)
        return True


# Connecting.


def test_a_connection_is_two_logins_one_look_and_no_more(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk):
            pass
        actions = sorted((user, action.get("Action")) for user, action in asterisk.received)
        assert actions == [
            ("", "Login"),
            ("", "Login"),
            ("zvonar-watch", "CoreSettings"),
            ("zvonar-watch", "CoreShowChannels"),
            ("zvonar-watch", "QueueStatus"),
        ]
        logins = {action.get("Username"): action.get("Events") for action in sent(asterisk, "Login")}
        assert logins == {"zvonar": "off", "zvonar-watch": "on"}

    run(scenario())


def test_until_asterisk_has_booted_it_is_asked_nothing(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.booted = False
        async with joined(asterisk, QUICK, up=False) as node:
            await until(lambda: len(sent(asterisk, "Ping")) >= 4)  # alive, not booted: patience
            assert not node.connected
            assert sent(asterisk, "CoreShowChannels") == []
            with pytest.raises(AsteriskDown):
                await node.originate(call())
            asterisk.boot()
            assert isinstance(await take_one(node), LinkUp)
        assert len(sent(asterisk, "CoreShowChannels")) == 1
        assert len(sent(asterisk, "Login")) == 2

    run(scenario())


@pytest.mark.parametrize("user", ["zvonar", "zvonar-watch"])
def test_a_refused_login_is_final_and_says_who(run: Callable[..., None], user: str) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.users.remove(user)
        async with joined(asterisk, QUICK, up=False) as node:
            downs: list[LinkDown] = []
            while not downs:
                downs = [event for event in await node.take() if isinstance(event, LinkDown)]
            assert downs[0].final
            assert user in downs[0].reason
            await asyncio.sleep(0.5)  # time for several tries, were there any
            assert len([a for a in sent(asterisk, "Login") if a.get("Username") == user]) == 1
            with pytest.raises(AsteriskDown, match=user):
                await node.originate(call())
            assert not [event for _, event in node._queue if isinstance(event, LinkDown)]

    run(scenario())


def test_a_login_refused_later_ends_both_sides_with_one_last_word(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            asterisk.users.remove("zvonar")
            (actions,) = [session for session in asterisk.sessions if not session.events]
            actions.writer.transport.abort()
            down = await take_one(node)
            assert isinstance(down, LinkDown)
            assert down.final
            await until(lambda: not asterisk.sessions)
            await asyncio.sleep(0.2)
            assert not node._queue

    run(scenario())


def test_a_long_outage_is_logged_once_not_at_each_try(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        port = await asterisk.start()
        await asterisk.stop()
        node = Node(settings(port), Timing(back_off_s=(0.01, 5)))
        with structlog.testing.capture_logs() as logs:
            await node.start()
            await asyncio.sleep(0.5)
            await node.stop()
        assert len([line for line in logs if line["log_level"] == "warning"]) == 2  # one a connection

    run(scenario())


def test_a_watcher_without_the_right_to_look_is_told_of_and_final(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.on_action = Hook("CoreShowChannels", lambda s, a: s.reply(a, "Error", "Permission denied"))
        async with joined(asterisk, QUICK, up=False) as node:
            down = await take_one(node)
            assert isinstance(down, LinkDown)
            assert down.final
            assert "CoreShowChannels" in down.reason

    run(scenario())


def test_something_else_at_the_port_is_no_asterisk(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        tries = 0

        async def other(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal tries
            tries += 1
            writer.write(b"SSH-2.0-OpenSSH_9.2\r\n")

        server = await asyncio.start_server(other, "127.0.0.1", 0)
        node = Node(settings(server.sockets[0].getsockname()[1]), QUICK)
        with structlog.testing.capture_logs() as logs:
            await node.start()
            await until(lambda: tries >= 4)
            await node.stop()
        server.close()
        assert not node.connected
        assert any("no Asterisk manager" in line.get("reason", "") for line in logs)

    run(scenario())


def test_nobody_at_the_port_is_tried_again_until_somebody_comes(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        port = await asterisk.start()
        await asterisk.stop()
        node = Node(settings(port), QUICK)
        await node.start()
        with pytest.raises(AsteriskDown, match="no AMI connection"):
            await node.originate(call())
        await asyncio.sleep(0.2)
        await asterisk.start()
        assert isinstance(await take_one(node), LinkUp)
        await node.stop()
        await asterisk.stop()

    run(scenario())


def test_an_old_asterisk_is_warned_of_once_a_connection(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.version = "22.5.0"
        with structlog.testing.capture_logs() as logs:
            async with joined(asterisk):
                pass
        warned = [line["event"] for line in logs if line["log_level"] == "warning"]
        assert sum("TechCause" in line for line in warned) == 1
        assert sum("security" in line for line in warned) == 1

    run(scenario())


# Calls.


def test_a_call_is_accepted_and_its_events_come_in_order(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake(script=lambda _number: Callee(after_s=0.05, hangs_up_s=0.05))
        asterisk.fallback_s = 60
        async with joined(asterisk) as node:
            assert await node.originate(call()) == Accepted()
            events: list[Event] = []
            while len(events) < 4:
                events += await node.take()
            assert events[0] == Ringing("attempt-1")
            assert set(events[1:3]) == {Answered("attempt-1"), Originated("attempt-1", True, False)}
            assert isinstance(events[3], Ended)
            assert (events[3].cause, events[3].tech_cause) == (16, None)

    run(scenario())


def test_a_refusal_tells_its_reason(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.on_action = Hook("Originate", lambda s, a: s.reply(a, "Error", "Permission denied"))
        async with joined(asterisk) as node:
            assert await node.originate(call()) == Declined("Permission denied")

    run(scenario())


def test_replies_find_their_actions_whatever_their_order(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        held: list[tuple[Session, Message]] = []

        def hold(session: Session, action: Message) -> None:
            held.append((session, action))
            if len(held) == 50:
                for one, kept in reversed(held):
                    even = int(kept.get("ActionID")) % 2 == 0
                    one.reply(kept, "Success" if even else "Error", kept.get("ActionID"))

        asterisk = fake()
        asterisk.on_action = Hook("Originate", hold)
        async with joined(asterisk) as node:
            answers = await asyncio.gather(*(node.originate(call(str(n))) for n in range(50)))
        assert answers == [Accepted() if n % 2 == 0 else Declined(str(n)) for n in range(50)]

    run(scenario())


def test_the_same_attempt_cannot_be_sent_while_it_waits(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.on_action = Hook("Originate", lambda _s, _a: None)
        async with joined(asterisk, QUICK) as node:
            first = asyncio.ensure_future(node.originate(call()))
            await asyncio.sleep(0)
            with pytest.raises(UsageError):
                await node.originate(call())
            assert isinstance(await first, Unclear)
        assert len(sent(asterisk, "Originate")) == 1

    run(scenario())


def test_a_channel_can_be_hung_up(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            await node.originate(call())
            assert await take_one(node) == Ringing("attempt-1")
            assert await node.hangup("attempt-1")
            assert not await node.hangup("attempt-2")
            ended = await node.take(1) + await node.take(1)
            assert {type(event) for event in ended} == {Ended, Originated}

    run(scenario())


# What is lost.


def test_no_reply_in_time_is_unclear_and_a_late_one_harms_nobody(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        held: list[tuple[Session, Message]] = []
        asterisk = fake()
        asterisk.on_action = Hook("Originate", lambda s, a: held.append((s, a)), once=True)
        async with joined(asterisk, QUICK) as node:
            answer = await node.originate(call())
            assert isinstance(answer, Unclear)
            assert "no reply within" in answer.reason
            held[0][0].reply(held[0][1], "Error", "too late")
            assert await node.originate(call("attempt-2")) == Accepted()
            assert node.connected

    run(scenario())


def test_a_link_lost_after_the_write_is_unclear_and_nothing_is_sent_again(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.on_action = Hook("Originate", lambda s, _a: s.writer.transport.abort())
        async with joined(asterisk) as node:
            answer = await node.originate(call())
            assert isinstance(answer, Unclear)
            assert "connection lost before the reply" in answer.reason
            assert not node.connected
            await until(lambda: node.connected)
            await asyncio.sleep(0.2)
        assert len(sent(asterisk, "Originate")) == 1
        assert len(sent(asterisk, "CoreShowChannels")) == 1  # events were never lost

    run(scenario())


def test_nothing_is_sent_while_the_link_is_down(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            await asterisk.stop()
            await until(lambda: not node.connected)
            before = len(asterisk.received)
            with pytest.raises(AsteriskDown):
                await node.originate(call())
            with pytest.raises(AsteriskDown):
                await node.hangup("attempt-1")
            assert len(asterisk.received) == before

    run(scenario())


def test_each_reconnection_looks_once_and_tells_who_lives(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            for number in range(3):
                await node.originate(call(f"attempt-{number}"))
            for turn in range(2, 5):
                asterisk.drop()
                events: list[Event] = []
                while not any(isinstance(event, LinkUp) for event in events):
                    events += await node.take()
                down, up = events[-2:]
                assert isinstance(down, LinkDown)
                assert not down.final
                assert isinstance(up, LinkUp)
                assert up.live == {"attempt-0", "attempt-1", "attempt-2"}
                assert len(sent(asterisk, "CoreShowChannels")) == turn
                await until(lambda: node.connected)
        assert len(sent(asterisk, "Originate")) == 3

    run(scenario())


def test_a_channel_that_hangs_up_while_the_list_is_told_is_not_live(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        def told(session: Session, action: Message) -> None:
            mine = {"ActionID": action.get("ActionID")}
            session.reply(action, "Success", "Channels will follow", EventList="start")
            session.send({"Event": "Hangup", "Uniqueid": "before", "Cause": 16})
            for channel in ("before", "during", "stays"):
                session.send({"Event": "CoreShowChannel", "Uniqueid": channel} | mine)
            session.send({"Event": "Hangup", "Uniqueid": "during", "Cause": 16})
            session.send({"Event": "CoreShowChannelsComplete"} | mine)
            session.send({"Event": "Hangup", "Uniqueid": "stays", "Cause": 16})

        asterisk = fake()
        asterisk.on_action = Hook("CoreShowChannels", told)
        async with joined(asterisk, up=False) as node:
            events: list[Event] = []
            while len(events) < 4:
                events += await node.take()
            assert [getattr(event, "channel", "up") for event in events] == [
                "before",
                "during",
                "up",
                "stays",
            ]
            assert isinstance(events[2], LinkUp)
            assert events[2].live == {"stays"}

    run(scenario())


def test_asterisks_start_is_known_and_never_told_too_late(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.booted = False
        async with joined(asterisk, up=False) as node:
            await until(lambda: bool(asterisk.sessions))
            for session in asterisk.sessions:
                session.send({"Event": "FullyBooted", "Uptime": 3600})
            up = await take_one(node)
            assert isinstance(up, LinkUp)
            age = datetime.now(UTC) - up.started
            assert 3600 < age.total_seconds() < 3600 + LONG_S

    run(scenario())


def test_a_half_open_link_is_found_by_its_unanswered_ping(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk, QUICK) as node:
            asterisk.on_action = lambda _session, _action: True  # reads everything, says nothing
            down = await take_one(node)
            assert isinstance(down, LinkDown)
            assert "Ping" in down.reason
            asterisk.on_action = lambda _session, _action: False
            assert isinstance(await take_one(node), LinkUp)

    run(scenario())


def test_a_link_whose_pings_are_answered_stays(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk, Timing(ping_s=0.1)) as node:
            await until(lambda: len(sent(asterisk, "Ping")) >= 6)
            assert node.connected
        assert len(sent(asterisk, "Login")) == 2

    run(scenario())


def test_shutdown_is_the_end_of_the_link_before_the_socket_says_so(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            asterisk.tell("Shutdown", Shutdown="Cleanly", Restart="False")
            down = await take_one(node)
            assert down == LinkDown("Asterisk shuts down")
            assert isinstance(await take_one(node), LinkUp)

    run(scenario())


def test_a_list_that_never_ends_is_given_up_and_asked_anew_after_a_reconnection(
    run: Callable[..., None],
) -> None:
    async def scenario() -> None:
        asterisk = fake()
        hook = Hook("CoreShowChannels", lambda s, a: s.reply(a, "Success", ""), once=True)
        asterisk.on_action = hook
        async with joined(asterisk, Timing(list_s=0.2, back_off_s=(0.02, 0.1)), up=False) as node:
            assert isinstance(await take_one(node), LinkUp)
        assert len(sent(asterisk, "CoreShowChannels")) == 2

    run(scenario())


# What is doubled, reordered, cut, too much.


def test_events_pass_in_the_order_in_which_they_came_doubles_and_all(run: Callable[..., None]) -> None:
    """Merging is the owner's: what Asterisk says is told, no more and no less."""

    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            hangup = {"Uniqueid": "a", "Cause": 17, "TechCause": 486}
            failed = {"ActionID": "a", "Response": "Failure", "Reason": 0}
            asterisk.tell("Hangup", **hangup)
            asterisk.tell("OriginateResponse", **failed)
            asterisk.tell("OriginateResponse", **failed)
            asterisk.tell("Hangup", **hangup)
            asterisk.tell("Newstate", Uniqueid="a", ChannelState=6)
            events: list[Event] = []
            while len(events) < 5:
                events += await node.take()
            assert [type(event) for event in events] == [Ended, Originated, Originated, Ended, Answered]

    run(scenario())


def test_bytes_may_come_one_at_a_time_and_letters_in_halves(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            raw = "Event: Hangup\r\nUniqueid: a\r\nCause: 17\r\nCause-txt: Занято\r\n\r\n".encode()
            (watcher,) = [session for session in asterisk.sessions if session.events]
            for byte in raw:
                watcher.writer.write(bytes([byte]))
                await watcher.writer.drain()
                await asyncio.sleep(0)
            assert await take_one(node) == Ended("a", 17, None, "Занято")

    run(scenario())


def test_a_message_without_an_end_breaks_the_link_not_the_memory(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            (watcher,) = [session for session in asterisk.sessions if session.events]
            watcher.writer.write(b"Event: X\r\nA: " + b"x" * (3 << 20))
            down = await take_one(node)
            assert isinstance(down, LinkDown)
            assert "more than" in down.reason
            assert isinstance(await take_one(node), LinkUp)

    run(scenario())


def test_a_storm_of_events_waits_in_the_sockets_and_none_is_lost(run: Callable[..., None]) -> None:
    """20,000 events, an owner who handles none of them for a while: bounded memory, then all of them."""

    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk, queue_limit=500) as node:
            (watcher,) = [session for session in asterisk.sessions if session.events]
            padding = b"ConnectedLineName: " + b"x" * 300 + b"\r\n"

            async def storm() -> None:
                for number in range(20_000):
                    head = b"Event: Hangup\r\nUniqueid: %d\r\nCause: 16\r\n" % number
                    watcher.writer.write(head + padding + b"\r\n")
                    await watcher.writer.drain()

            storming = asyncio.create_task(storm())
            await until(lambda: not node.connected)  # the queue is full: nothing is dialled
            with pytest.raises(AsteriskDown, match="too slowly"):
                await node.originate(call())
            await asyncio.sleep(0.3)
            assert len(node._queue) < 500 + 2000  # the limit, and what one read of a socket holds
            taken: list[Event] = []
            most = 0
            while len(taken) < 20_000:
                taken += await node.take()
                most = max(most, len(node._queue))
            assert most < 500 + 2000
            assert [event.channel for event in taken if isinstance(event, Ended)] == [
                str(number) for number in range(20_000)
            ]
            await storming
            await until(lambda: node.connected)
        assert len(sent(asterisk, "Login")) == 2

    run(scenario())


def test_while_we_do_not_read_an_unanswered_ping_is_no_dead_link(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk, Timing(reply_s=0.5, ping_s=0.1), queue_limit=10) as node:
            for number in range(20):
                asterisk.tell("Newstate", Uniqueid=str(number), ChannelState=6)
            await until(lambda: not node.connected)
            await asyncio.sleep(1.5)  # more than an unanswered ping is given
            events: list[Event] = []
            while len(events) < 20:
                events += await node.take()
            assert all(isinstance(event, Answered) for event in events)
            await until(lambda: node.connected)
        assert len(sent(asterisk, "Login")) == 2

    run(scenario())


def test_the_lag_of_events_is_measured(run: Callable[..., None]) -> None:
    def observed() -> tuple[float, float]:
        samples = {s.name: s.value for s in next(iter(telemetry.event_lag.collect())).samples if not s.labels}
        return samples["zvonar_ami_event_lag_seconds_count"], samples["zvonar_ami_event_lag_seconds_sum"]

    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            count, total = observed()
            asterisk.tell("Newstate", Uniqueid="a", ChannelState=6)
            await asyncio.sleep(0.2)
            assert node.lag_s >= 0.1  # it waits still
            await node.take()
            assert observed()[0] == count + 1
            assert observed()[1] >= total + 0.1
            assert node.lag_s >= 0.1

    run(scenario())


def test_the_lag_is_forgotten_after_a_while(
    run: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.gateways.ami.LAG_S", 0.3)

    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            asterisk.tell("Newstate", Uniqueid="a", ChannelState=6)
            await asyncio.sleep(0.2)
            await node.take()
            await asyncio.sleep(0.4)
            assert node.lag_s == 0

    run(scenario())


def test_a_peer_that_does_not_read_is_sent_nothing_more(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk, Timing(reply_s=0.3, ping_s=60)) as node:
            (session,) = [session for session in asterisk.sessions if not session.events]
            session.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a socket's transport can
            refused = 0
            for number in range(200_000):
                waiting = asyncio.ensure_future(node.originate(call(str(number))))
                await asyncio.sleep(0)
                if waiting.done():
                    with pytest.raises(AsteriskDown, match="does not read"):
                        waiting.result()
                    refused += 1
                    break
                waiting.add_done_callback(lambda done: done.exception())
            assert refused

    run(scenario())


def test_stopping_leaves_nothing_behind_and_answers_those_who_wait(run: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.on_action = Hook("Hangup", lambda _s, _a: None)
        async with joined(asterisk) as node:
            waiting = asyncio.ensure_future(node.hangup("attempt-1"))
            await until(lambda: bool(sent(asterisk, "Hangup")))
            await node.stop()
            with pytest.raises(NoReply):
                await waiting
            assert not node.connected
            await until(lambda: not asterisk.sessions)
            assert not [task for task in asyncio.all_tasks() if task.get_name().startswith("ami-")]

    run(scenario())


# Reach.


def test_what_is_out_of_reach_is_asked_for_again_lest_an_event_was_missed(run: Any) -> None:
    async def story() -> None:
        asterisk = fake()
        asterisk.unreachable.add("trunk")
        timing = Timing(back_off_s=(0.02, 0.1), reach_s=0.05)
        async with joined(asterisk, timing, endpoints=["trunk"]) as node:
            assert node.unreachable == {"trunk"}
            asterisk.unreachable.clear()  # and nobody tells
            await until(lambda: not node.unreachable)
            asked = len(sent(asterisk, "Getvar"))
            await asyncio.sleep(0.2)
            assert len(sent(asterisk, "Getvar")) == asked, "what is in reach is not asked for"

    run(story())


def test_reach_is_asked_anew_after_a_lost_connection(run: Any) -> None:
    async def story() -> None:
        asterisk = fake()
        async with joined(asterisk, endpoints=["trunk"]) as node:
            assert node.unreachable == frozenset()
            asterisk.unreachable.add("trunk")
            asterisk.drop()
            await until(lambda: node.unreachable == {"trunk"})

    run(story())


def test_an_asterisk_that_cannot_tell_is_taken_to_reach_all(run: Any) -> None:
    async def story() -> None:
        asterisk = fake()
        refuse = Hook("Getvar", lambda session, action: session.reply(action, "Error", "No such function"))
        asterisk.on_action = refuse
        async with joined(asterisk, endpoints=["trunk"]) as node:
            assert refuse.hits == 1
            assert node.unreachable == frozenset()

    run(story())
