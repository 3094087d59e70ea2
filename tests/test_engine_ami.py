"""engine.gateways.ami against a fake Asterisk: connecting, calls, and which carriers are within reach."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from ami_line import QUICK, Hook, call, fake, joined, sent, settings, take_one, until

from engine.errors import AsteriskDown, UsageError
from engine.gateways.ami import Accepted, Declined, Node, Unclear
from engine.gateways.ami_link import Timing
from engine.gateways.ami_protocol import (
    Answered,
    Ended,
    Event,
    LinkDown,
    LinkUp,
    Message,
    Originated,
    Ringing,
)
from engine.gateways.fake import Session
from engine.gateways.fake_callee import Callee

# Connecting.


def test_a_connection_is_two_logins_one_look_and_no_more(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_until_asterisk_has_booted_it_is_asked_nothing(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


@pytest.mark.parametrize("user", ["zvonar", "zvonar-watch"])
def test_a_refused_login_is_final_and_says_who(on_each_loop: Callable[..., None], user: str) -> None:
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

    on_each_loop(scenario())


def test_a_login_refused_later_ends_both_sides_with_one_last_word(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_a_long_outage_is_logged_once_not_at_each_try(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_a_watcher_without_the_right_to_look_is_told_of_and_final(on_each_loop: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.on_action = Hook("CoreShowChannels", lambda s, a: s.reply(a, "Error", "Permission denied"))
        async with joined(asterisk, QUICK, up=False) as node:
            down = await take_one(node)
            assert isinstance(down, LinkDown)
            assert down.final
            assert "CoreShowChannels" in down.reason

    on_each_loop(scenario())


def test_something_else_at_the_port_is_no_asterisk(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_nobody_at_the_port_is_tried_again_until_somebody_comes(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_an_old_asterisk_is_warned_of_once_a_connection(on_each_loop: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.version = "22.5.0"
        with structlog.testing.capture_logs() as logs:
            async with joined(asterisk):
                pass
        warned = [line["event"] for line in logs if line["log_level"] == "warning"]
        assert sum("TechCause" in line for line in warned) == 1
        assert sum("security" in line for line in warned) == 1

    on_each_loop(scenario())


# Calls.


def test_a_call_is_accepted_and_its_events_come_in_order(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_a_refusal_tells_its_reason(on_each_loop: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        asterisk.on_action = Hook("Originate", lambda s, a: s.reply(a, "Error", "Permission denied"))
        async with joined(asterisk) as node:
            assert await node.originate(call()) == Declined("Permission denied")

    on_each_loop(scenario())


def test_replies_find_their_actions_whatever_their_order(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_the_same_attempt_cannot_be_sent_while_it_waits(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_a_channel_can_be_hung_up(on_each_loop: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            await node.originate(call())
            assert await take_one(node) == Ringing("attempt-1")
            assert await node.hangup("attempt-1")
            assert not await node.hangup("attempt-2")
            ended = await node.take(1) + await node.take(1)
            assert {type(event) for event in ended} == {Ended, Originated}

    on_each_loop(scenario())


# Reach.


def test_what_is_out_of_reach_is_asked_for_again_lest_an_event_was_missed(on_each_loop: Any) -> None:
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

    on_each_loop(story())


def test_reach_is_asked_anew_after_a_lost_connection(on_each_loop: Any) -> None:
    async def story() -> None:
        asterisk = fake()
        async with joined(asterisk, endpoints=["trunk"]) as node:
            assert node.unreachable == frozenset()
            asterisk.unreachable.add("trunk")
            asterisk.drop()
            await until(lambda: node.unreachable == {"trunk"})

    on_each_loop(story())


def test_an_asterisk_that_cannot_tell_is_taken_to_reach_all(on_each_loop: Any) -> None:
    async def story() -> None:
        asterisk = fake()
        refuse = Hook("Getvar", lambda session, action: session.reply(action, "Error", "No such function"))
        asterisk.on_action = refuse
        async with joined(asterisk, endpoints=["trunk"]) as node:
            assert refuse.hits == 1
            assert node.unreachable == frozenset()

    on_each_loop(story())
