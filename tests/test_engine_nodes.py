"""The nodes of a dialer: where a call is placed, and how nodes come and go."""

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.nodes import Nodes, Places
from engine.errors import AsteriskDown
from engine.sections import Asterisk, Trunk

TRUNK = Trunk(name="trunk", endpoint="carrier")


@given(st.dictionaries(st.sampled_from("abc"), st.integers(0, 5)), st.integers(0, 20))
def test_no_node_is_given_more_than_it_has_room_for(room: dict[str, int], wanted: int) -> None:
    places = Places(room, {})
    taken = [name for _ in range(wanted) if (name := places.take("trunk"))]
    assert len(taken) == min(wanted, sum(room.values()))
    assert all(taken.count(name) <= most for name, most in room.items())
    assert places.left == sum(room.values()) - len(taken)


def test_a_call_goes_where_its_trunk_answers_and_most_is_free() -> None:
    places = Places({"a": 1, "b": 3}, {"b": {"near"}})
    assert [places.take(trunk) for trunk in ("any", "near", "near", "any", "any", "any")] == [
        *("b", "a", "", "b", "b", ""),
    ]


def gateway(one: Asterisk, made: list[Any]) -> Any:
    """A node that only says what is done with it."""

    async def say(word: str) -> None:
        node.did.append(word)

    node = SimpleNamespace(name=one.name, connected=True, lag_s=0.5, unreachable=frozenset(), did=[])
    node.start, node.stop = (lambda: say("start")), (lambda: say("stop"))
    node.survey = lambda: say("survey")
    made.append(node)
    return node


def test_nodes_come_change_and_go_when_their_last_call_is_over() -> None:
    async def story() -> None:
        made: list[Any] = []
        nodes = Nodes(lambda one: gateway(one, made))

        def listen(_node: Any) -> asyncio.Task[None]:
            return asyncio.create_task(asyncio.Event().wait())  # type: ignore[arg-type] # it only waits

        first, second = Asterisk(name="a", channels=3), Asterisk(name="b", channels=4)
        await nodes.take_in([first, second], listen)
        await nodes.take_in([first, second], listen)
        assert [node.did for node in made] == [["start"], ["start"]]
        assert nodes.open({"b"}) == {"a": 3}
        made[0].connected = False
        assert (nodes.open(()), nodes.connected, nodes.lag_s) == ({"b": 4}, True, 0.5)
        made[1].unreachable = frozenset({"carrier"})
        assert nodes.unreached([TRUNK]) == {"a": frozenset(), "b": frozenset({"trunk"})}
        await nodes.take_in([second.model_copy(update={"port": 1})], listen)
        assert [node.did for node in made] == [["start"], ["start", "stop"], ["start"]]
        await nodes.forget({"a"})
        assert nodes.get("a") is made[0], "it has a call still"
        await nodes.survey()
        await nodes.forget(())
        with pytest.raises(AsteriskDown, match="no node named 'a'"):
            nodes.get("a")
        assert made[0].did == ["start", "survey", "stop"]
        assert nodes.told({"b": 2}) == {"b": {"connected": True, "used": 2, "channels": 4}}
        await nodes.stop()
        assert made[2].did == ["start", "survey", "stop"]
        assert not nodes.connected

    asyncio.run(story())
