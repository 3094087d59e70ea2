"""One contract, two Asterisks: the real one and the shipped fake do the same to our AMI client.

Only so are the fast tests on the fake worth something.
"""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

import pytest
from pydantic import SecretStr

from dialplan.contexts import Node as Configuration
from engine.contact.outcomes import Verdict, classify
from engine.gateways.ami import Accepted, Node
from engine.gateways.ami_link import Timing
from engine.gateways.ami_members import Duty, Member
from engine.gateways.ami_protocol import (
    Answered,
    Ended,
    Event,
    LinkDown,
    LinkUp,
    Originate,
    Originated,
    Progress,
    Reach,
    Ringing,
)
from engine.gateways.fake import FakeAsterisk
from engine.gateways.fake_agi import Phone
from engine.gateways.fake_callee import Callee
from engine.gateways.fake_queue import Operator
from engine.sections import Asterisk
from lab.kinds import KINDS, kind_of, number
from lab.operators import seat
from lab.stand import Stand
from storage.vocab import Outcome

RING_S = 3.0
OPERATOR = "PJSIP/operator-1"
TIMING = Timing(back_off_s=(0.02, 0.2))


def callee(phone: str) -> Callee:
    """A phone of the lab, as the fake plays it."""
    kind, seconds = kind_of(phone), int(phone.removeprefix("+")[6])
    if kind.name == "silence":
        return Callee(code=0, rings=False)
    if kind.name in ("rings", "tones"):
        return Callee(after_s=3600, rings=kind.name == "rings", progress=kind.name == "tones")
    if kind.sip != 200:
        return Callee(code=kind.sip, rings=seconds > 0, after_s=float(seconds))
    return Callee(after_s=0.1 + seconds, hangs_up_s=1)


class World(Protocol):
    """An Asterisk that can be joined, and whose connections can be broken by `restart`."""

    settings: Asterisk
    endpoint: str

    async def restart(self) -> None: ...

    def sit(self, queue: str) -> None:
        """An operator is in this queue from now on, free, with 7 s of rest after a call."""

    def rest(self, queue: str) -> None:
        """He goes on pause."""

    async def ring(self, node: Node, queue: str) -> None:
        """He rings, talks, and is free again."""

    async def carrier(self, *, answers: bool) -> None: ...


def member(asterisk: FakeAsterisk, queue: str) -> Operator:
    return asterisk.queues.add(Operator(queue, OPERATOR, answers_s=0.1, talks_s=1, wrapup_s=7))


class Faked:
    def __init__(self, asterisk: FakeAsterisk) -> None:
        self.asterisk, self.endpoint = asterisk, "trunk"
        self.settings = Asterisk(name="fake", port=asterisk.port, secret=SecretStr("secret"))

    async def restart(self) -> None:
        await self.asterisk.stop()
        self.asterisk = FakeAsterisk(callee, secret="secret", port=self.settings.port)
        await self.asterisk.start()

    def sit(self, queue: str) -> None:
        self.operator = member(self.asterisk, queue)

    def rest(self, queue: str) -> None:
        self.asterisk.queues.pause(self.operator)

    async def ring(self, node: Node, queue: str) -> None:
        self.caller = asyncio.create_task(self.asterisk.queues.connect(queue, Phone(1, {}), 5))

    async def carrier(self, *, answers: bool) -> None:
        self.asterisk.reach("trunk", answers)


class Real:
    def __init__(self, stand: Any) -> None:
        self.stand, self.endpoint = stand, "lab"
        self.settings = stand.settings.asterisk[0]

    async def restart(self) -> None:
        self.stand.node.kill()
        self.stand.node.start()  # from this thread: it is killed when the thread that started it ends

    async def carrier(self, *, answers: bool) -> None:
        (self.stand.carrier.start if answers else self.stand.carrier.stop)()

    def sit(self, queue: str) -> None:
        seat(self.stand, queue, {"operator-1": number("hangs-up", 1, 1)}, wrapup_s=7)

    def rest(self, queue: str) -> None:
        self.stand.node.console(f"queue pause member {OPERATOR} queue {queue}")

    async def ring(self, node: Node, queue: str) -> None:
        phone = number("hangs-up", 1, 1)
        await node.originate(originate(self, phone, endpoint=OPERATOR.removeprefix("PJSIP/")))


Scenario = Callable[[World], Coroutine[Any, Any, None]]


BOTH = ["fake", pytest.param("real", marks=pytest.mark.real)]


@pytest.fixture(params=BOTH)
def play(request: pytest.FixtureRequest) -> Callable[[Scenario], None]:
    """Run a scenario in the world of the parameter."""
    return player(request.getfixturevalue("stand") if request.param == "real" else None)


@pytest.fixture(params=BOTH)
def play_asking(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Scenario], None]]:
    """The same; the real Asterisk asks each second whether its carrier lives."""
    if request.param == "fake":
        yield player(None)
        return
    with Stand(tmp_path / "stand", hear=False, node=Configuration(qualify_s=1)) as stand:
        yield player(stand)


def player(stand: Any) -> Callable[[Scenario], None]:
    """Runs scenarios on a stand; without one, each on a fresh fake."""

    async def inside(scenario: Scenario) -> None:
        async with asyncio.timeout(60):
            if stand:
                await scenario(Real(stand))
                return
            asterisk = FakeAsterisk(callee, secret="secret", seed=7)
            await asterisk.start()
            world = Faked(asterisk)
            try:
                await scenario(world)
            finally:
                await world.asterisk.stop()

    return lambda scenario: asyncio.run(inside(scenario))


@asynccontextmanager
async def joined(world: World) -> AsyncIterator[Node]:
    node = Node(world.settings, TIMING, endpoints=[world.endpoint])
    await node.start()
    try:
        while not isinstance((await node.take(1))[0], LinkUp):
            pass
        while not node.connected:
            await asyncio.sleep(0.01)
        yield node
    finally:
        await node.stop()


def originate(world: World, phone: str, **more: Any) -> Originate:
    values: dict[str, Any] = {
        "endpoint": world.endpoint,
        "context": "zvonar-debtor",
        "exten": "start",
        "ring_s": RING_S,
    }
    return Originate(**{"attempt": str(uuid.uuid4()), "number": phone} | values | more)


async def events_of(node: Node, channel: str, *, settled_s: float = 1.0) -> list[Event]:
    """Everything of one channel until it has both an end and a response, and a while longer."""
    mine: list[Event] = []
    loop = asyncio.get_running_loop()
    until: float | None = None
    while until is None or loop.time() < until:
        try:
            async with asyncio.timeout_at(until):
                mine += [event for event in await node.take() if getattr(event, "channel", "") == channel]
        except TimeoutError:
            break
        if until is None and {Ended, Originated} <= {type(event) for event in mine}:
            until = loop.time() + settled_s
    return mine


def verdict_on(events: list[Event], elapsed_s: float) -> Verdict:
    (ended,) = [event for event in events if isinstance(event, Ended)]
    (response,) = [event for event in events if isinstance(event, Originated)]
    return classify(
        ended.cause,
        ended.tech_cause,
        rang=any(isinstance(event, Ringing) for event in events),
        progress=any(isinstance(event, Progress) for event in events),
        answered=any(isinstance(event, Answered) for event in events),
        timed_out=response.timed_out,
        elapsed_s=elapsed_s,
    )


EXPECTED = [
    ("listens", 0, RING_S, Outcome.ANSWERED_PARTIAL),
    ("rings", 0, RING_S, Outcome.NO_ANSWER),
    ("tones", 0, RING_S, Outcome.NO_ANSWER),
    ("silence", 0, RING_S, Outcome.TRUNK_FAULT),
    ("silence", 1, 12.0, Outcome.TRUNK_FAULT),
    ("busy", 0, RING_S, Outcome.BUSY),
    ("busy", 1, RING_S, Outcome.BUSY),
    ("no-such-number", 0, RING_S, Outcome.INVALID_NUMBER),
    ("switched-off", 0, RING_S, Outcome.UNREACHABLE),
    ("switched-off", 1, RING_S, Outcome.NO_ANSWER),
    ("carrier-timeout", 0, RING_S, Outcome.UNREACHABLE),
    ("forbidden", 0, RING_S, Outcome.REJECTED),
    ("declines", 0, RING_S, Outcome.REJECTED),
    ("no-circuit", 0, RING_S, Outcome.CONGESTION),
    ("carrier-fault", 0, RING_S, Outcome.CONGESTION),
    ("changed-number", 0, RING_S, Outcome.INVALID_NUMBER),
    ("short-number", 0, RING_S, Outcome.INVALID_NUMBER),
    ("no-codec", 0, RING_S, Outcome.TRUNK_FAULT),
]


def test_every_kind_of_callee_comes_to_its_outcome(play: Callable[[Scenario], None]) -> None:
    """All at once; `silence` once until our time-out, once until timer B."""

    async def scenario(world: World) -> None:
        async with joined(world) as node:
            loop = asyncio.get_running_loop()
            calls = {
                str(uuid.uuid4()): (name, seconds, ring_s, outcome)
                for name, seconds, ring_s, outcome in EXPECTED
            }
            began, seen, took = loop.time(), {channel: list[Event]() for channel in calls}, dict[str, float]()
            for channel, (name, seconds, ring_s, _) in calls.items():
                call = originate(world, number(name, 77, seconds), attempt=channel, ring_s=ring_s)
                assert await node.originate(call) == Accepted()
            while not all({Ended, Originated} <= {type(e) for e in events} for events in seen.values()):
                for event in await node.take():
                    channel = getattr(event, "channel", "")
                    if channel in seen:
                        seen[channel].append(event)
                        took[channel] = loop.time() - began
            verdicts = [
                (
                    calls[channel][0],
                    calls[channel][1],
                    calls[channel][2],
                    verdict_on(seen[channel], took[channel]),
                )
                for channel in calls
            ]
            assert [(*row[:3], row[3].outcome) for row in verdicts] == EXPECTED

    play(scenario)


def test_the_lab_has_no_kind_that_the_contract_forgot() -> None:
    """Answering kinds differ in the talk only, which is FastAGI's; `moved` and `absent` are the carrier's."""
    forgotten = {name for name, kind in KINDS.items() if not kind.answers} - {row[0] for row in EXPECTED}
    assert forgotten == {"moved", "absent"}


def test_an_unknown_endpoint_fails_without_a_hangup(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        async with joined(world) as node:
            call = originate(world, number("busy"), endpoint="no-such-endpoint")
            assert await node.originate(call) == Accepted()
            heard: list[Event] = []
            while not heard:
                heard = [
                    event for event in await node.take() if getattr(event, "channel", "") == call.attempt
                ]
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(1):
                    while True:
                        heard += [e for e in await node.take() if getattr(e, "channel", "") == call.attempt]
            assert heard == [Originated(call.attempt, success=False, timed_out=False)]

    play(scenario)


def test_a_second_originate_of_a_living_channel_fails_and_the_first_goes_on(
    play: Callable[[Scenario], None],
) -> None:
    async def scenario(world: World) -> None:
        async with joined(world) as node:
            call = originate(world, number("rings"))
            assert await node.originate(call) == Accepted()
            assert await node.take(1) == [Ringing(call.attempt)]
            assert await node.originate(call) == Accepted()
            assert await node.take(1) == [Originated(call.attempt, success=False, timed_out=False)]
            rest = await node.take(1) + await node.take(1)
            assert {type(event) for event in rest} == {Ended, Originated}
            (ended,) = [event for event in rest if isinstance(event, Ended)]
            assert (ended.cause, ended.tech_cause) == (19, 480)

    play(scenario)


def test_a_ringing_channel_hung_up_by_us_is_cancelled(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        async with joined(world) as node:
            call = originate(world, number("rings", 5))
            await node.originate(call)
            assert await node.take(1) == [Ringing(call.attempt)]
            assert await node.hangup(call.attempt)
            events = await events_of(node, call.attempt)
            assert verdict_on([Ringing(call.attempt), *events], 1).outcome is Outcome.CANCELLED
            assert not await node.hangup(call.attempt)

    play(scenario)


def test_a_node_that_joins_sees_who_lives_and_when_asterisk_began(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        async with joined(world) as first:
            call = originate(world, number("rings", 6), ring_s=10)
            await first.originate(call)
            assert await first.take(1) == [Ringing(call.attempt)]
            second = Node(world.settings, TIMING)
            await second.start()
            up = (await second.take(1))[0]
            while isinstance(up, Member):
                up = (await second.take(1))[0]
            assert isinstance(up, LinkUp)
            assert call.attempt in up.live
            assert up.version.startswith("22.")
            assert datetime.now(UTC) - timedelta(hours=3) < up.started < datetime.now(UTC)
            await first.hangup(call.attempt)
            assert {Ended, Originated} == {type(event) for event in await events_of(second, call.attempt)}
            await second.stop()

    play(scenario)


def test_a_killed_asterisk_is_joined_again_and_nothing_lives_there(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        async with joined(world) as node:
            call = originate(world, number("rings", 8), ring_s=30)
            sent_at = datetime.now(UTC)
            await node.originate(call)
            assert await node.take(1) == [Ringing(call.attempt)]
            await asyncio.sleep(1.5)  # its start is told in whole seconds
            await world.restart()
            while not isinstance((await node.take(1))[0], LinkDown):
                pass  # the end of an earlier test's call
            up = (await node.take(1))[0]
            while isinstance(up, Member):  # the operators of a queue are told before
                up = (await node.take(1))[0]
            assert isinstance(up, LinkUp)
            assert call.attempt not in up.live
            assert up.started > sent_at - timedelta(seconds=1)
            while not node.connected:
                await asyncio.sleep(0.01)
            again = originate(world, number("busy", 8))
            assert await node.originate(again) == Accepted()
            assert {Ended, Originated} <= {type(event) for event in await events_of(node, again.attempt)}

    play(scenario)


def test_a_carrier_that_answers_no_more_is_told_of_and_known_to_who_joins_later(
    play_asking: Callable[[Scenario], None],
) -> None:
    async def scenario(world: World) -> None:
        async with joined(world) as node:
            while node.unreachable:  # a real one has not asked yet
                await asyncio.sleep(0.05)
            assert node.unreachable == frozenset()
            await world.carrier(answers=False)
            heard: list[Event] = []
            while Reach(world.endpoint, False) not in heard:
                heard += await node.take()
            assert node.unreachable == {world.endpoint}
            call = originate(world, number("busy"))
            assert await node.originate(call) == Accepted()
            while Originated(call.attempt, success=False, timed_out=False) not in heard:
                heard += await node.take()
            assert not [event for event in heard if isinstance(event, Ended | Ringing)]
            second = Node(world.settings, TIMING, endpoints=[world.endpoint, "no-such-endpoint"])
            await second.start()
            assert isinstance((await second.take(1))[0], LinkUp)
            assert second.unreachable == {world.endpoint, "no-such-endpoint"}
            await world.carrier(answers=True)
            for one in (node, second):
                heard = []
                while Reach(world.endpoint, True) not in heard:
                    heard += await one.take()
                assert world.endpoint not in one.unreachable
            await second.stop()

    play_asking(scenario)


def test_the_operators_of_a_queue_are_told_one_by_one(play: Callable[[Scenario], None]) -> None:
    """Those who are there at the beginning too; free, busy for the time of a call, away."""

    async def scenario(world: World) -> None:
        world.sit("sales")
        node = Node(world.settings, TIMING)
        await node.start()

        async def next_duty() -> Duty:
            while True:
                for event in await node.take(1):
                    if isinstance(event, Member):
                        assert (event.queue, event.interface, event.wrapup_s) == ("sales", OPERATOR, 7)
                        return event.duty

        assert await next_duty() is Duty.FREE
        assert isinstance((await node.take(1))[0], LinkUp)
        while not node.connected:
            await asyncio.sleep(0.01)
        await world.ring(node, "sales")
        duties = [await next_duty()]
        while duties[-1] is Duty.BUSY:
            duties.append(await next_duty())
        assert set(duties[:-1]) == {Duty.BUSY}
        assert duties[-1] is Duty.FREE
        world.rest("sales")
        assert await next_duty() is Duty.AWAY
        await node.stop()

    play(scenario)


def test_a_wrong_secret_ends_it(play: Callable[[Scenario], None]) -> None:
    async def scenario(world: World) -> None:
        wrong = world.settings.model_copy(update={"secret": SecretStr("not-the-secret-at-all")})
        node = Node(wrong, TIMING)
        await node.start()
        (down,) = await node.take(1)
        assert isinstance(down, LinkDown)
        assert down.final
        assert "Authentication failed" in down.reason
        await node.stop()

    play(scenario)
