"""The fake's queues: who is free is rung, nobody twice, and AMI hears of each change."""

import asyncio
from typing import Any

import pytest

from engine.gateways.fake_agi import Gone, Phone
from engine.gateways.fake_queue import Operator, Queues

SPEED = 20.0


def played(story: Any) -> list[tuple[str, str, int]]:
    """Run a story; (event, interface, status) of what AMI was told."""
    told: list[tuple[str, str, int]] = []

    async def run() -> None:
        queues = Queues(lambda event, **of: told.append((event, of["Interface"], of["Status"])))
        await story(queues)

    asyncio.run(run())
    return told


def test_two_callers_get_two_operators_and_a_third_none_in_time() -> None:
    async def story(queues: Queues) -> None:
        operators = [queues.add(Operator("sales", name, talks_s=10)) for name in ("anna", "boris")]
        callers = [Phone(SPEED, {}) for _ in range(3)]
        came = await asyncio.gather(*(queues.connect("sales", caller, 2) for caller in callers))
        assert came == [True, True, False]
        assert [operator.taken for operator in operators] == [1, 1]

    told = played(story)
    for name in ("anna", "boris"):
        assert [status for _, who, status in told if who == name] == [1, 6, 2, 1]


def test_a_pause_an_operator_of_another_queue_and_one_too_slow_are_none() -> None:
    async def story(queues: Queues) -> None:
        resting = queues.add(Operator("sales", "anna"))
        queues.pause(resting)
        queues.add(Operator("support", "boris"))
        assert queues.has("sales") and not queues.has("night")
        assert not await queues.connect("sales", Phone(SPEED, {}), 2)
        queues.remove(resting)
        slow = queues.add(Operator("sales", "vera", answers_s=5))
        assert not await queues.connect("sales", Phone(SPEED, {}), 2)
        assert slow.taken == 0

    played(story)


def test_a_caller_who_leaves_sets_his_operator_free() -> None:
    async def story(queues: Queues) -> None:
        operator = queues.add(Operator("sales", "anna"))
        caller = Phone(SPEED, {})
        caller.later(1, caller.hang_up)
        with pytest.raises(Gone):
            await queues.connect("sales", caller, 2)
        assert operator.taken == 1

    assert played(story)[-1] == ("QueueMemberStatus", "anna", 1)
