"""What comes from Asterisk doubled, reordered, cut or too much, and how late it is."""

import asyncio
from collections.abc import Callable

import pytest
from ami_line import Hook, call, fake, joined, sent, take_one, until

from engine import telemetry
from engine.errors import AsteriskDown
from engine.gateways.ami_link import NoReply, Timing
from engine.gateways.ami_protocol import (
    Answered,
    Ended,
    Event,
    LinkDown,
    LinkUp,
    Originated,
)


def test_events_pass_in_the_order_in_which_they_came_doubles_and_all(
    on_each_loop: Callable[..., None],
) -> None:
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

    on_each_loop(scenario())


def test_bytes_may_come_one_at_a_time_and_letters_in_halves(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_a_message_without_an_end_breaks_the_link_not_the_memory(on_each_loop: Callable[..., None]) -> None:
    async def scenario() -> None:
        asterisk = fake()
        async with joined(asterisk) as node:
            (watcher,) = [session for session in asterisk.sessions if session.events]
            watcher.writer.write(b"Event: X\r\nA: " + b"x" * (3 << 20))
            down = await take_one(node)
            assert isinstance(down, LinkDown)
            assert "more than" in down.reason
            assert isinstance(await take_one(node), LinkUp)

    on_each_loop(scenario())


def test_a_storm_of_events_waits_in_the_sockets_and_none_is_lost(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_while_we_do_not_read_an_unanswered_ping_is_no_dead_link(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_the_lag_of_events_is_measured(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_the_lag_is_forgotten_after_a_while(
    on_each_loop: Callable[..., None], monkeypatch: pytest.MonkeyPatch
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

    on_each_loop(scenario())


def test_a_peer_that_does_not_read_is_sent_nothing_more(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())


def test_stopping_leaves_nothing_behind_and_answers_those_who_wait(on_each_loop: Callable[..., None]) -> None:
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

    on_each_loop(scenario())
