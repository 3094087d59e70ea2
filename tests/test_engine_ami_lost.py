"""The line to Asterisk when replies, links, pings, lists are lost: what is unclear, what is asked anew."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from ami_line import LONG_S, QUICK, Hook, call, fake, joined, sent, take_one, until

from engine.errors import AsteriskDown
from engine.gateways.ami import Accepted, Unclear
from engine.gateways.ami_link import Timing
from engine.gateways.ami_protocol import (
    Event,
    LinkDown,
    LinkUp,
    Message,
)
from engine.gateways.fake import Session


def test_no_reply_in_time_is_unclear_and_a_late_one_harms_nobody(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_a_link_lost_after_the_write_is_unclear_and_nothing_is_sent_again(
    on_each_loop: Callable[..., None],
) -> None:
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

    on_each_loop(scenario())


def test_nothing_is_sent_while_the_link_is_down(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_each_reconnection_looks_once_and_tells_who_lives(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_a_channel_that_hangs_up_while_the_list_is_told_is_not_live(
    on_each_loop: Callable[..., None],
) -> None:
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

    on_each_loop(scenario())


def test_asterisks_start_is_known_and_never_told_too_late(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_a_half_open_link_is_found_by_its_unanswered_ping(on_each_loop: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk, QUICK) as node:
            asterisk.on_action = lambda _session, _action: True  # reads everything, says nothing
            down = await take_one(node)
            assert isinstance(down, LinkDown)
            assert "Ping" in down.reason
            asterisk.on_action = lambda _session, _action: False
            assert isinstance(await take_one(node), LinkUp)

    on_each_loop(scenario())


def test_a_link_whose_pings_are_answered_stays(on_each_loop: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk, Timing(ping_s=0.1)) as node:
            await until(lambda: len(sent(asterisk, "Ping")) >= 6)
            assert node.connected
        assert len(sent(asterisk, "Login")) == 2

    on_each_loop(scenario())


def test_shutdown_is_the_end_of_the_link_before_the_socket_says_so(on_each_loop: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            asterisk.tell("Shutdown", Shutdown="Cleanly", Restart="False")
            down = await take_one(node)
            assert down == LinkDown("Asterisk shuts down")
            assert isinstance(await take_one(node), LinkUp)

    on_each_loop(scenario())


def test_a_list_that_never_ends_is_given_up_and_asked_anew_after_a_reconnection(
    on_each_loop: Callable[..., None],
) -> None:
    async def scenario() -> None:
        asterisk = fake()
        hook = Hook("CoreShowChannels", lambda s, a: s.reply(a, "Success", ""), once=True)
        asterisk.on_action = hook
        async with joined(asterisk, Timing(list_s=0.2, back_off_s=(0.02, 0.1)), up=False) as node:
            assert isinstance(await take_one(node), LinkUp)
        assert len(sent(asterisk, "CoreShowChannels")) == 2

    on_each_loop(scenario())
