"""The Asterisk nodes of a dialer: which there are, which may be given calls, and how they come and go.

A node that left the settings is kept until its last call of ours is over; one that is drained
(`zvonar asterisk drain NAME`) goes on with its calls and gets no new ones.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping

from engine.errors import AsteriskDown
from engine.gateways.ami import Node
from engine.sections import Asterisk, Trunk

Make = Callable[[Asterisk], Node]
Listen = Callable[[Node], "asyncio.Task[None]"]


class Places:
    """Places for calls on the nodes in one beat; each goes to the node with the most of them left.

    `unreached`: node -> trunks that do not answer it; calls for operators all go `home`, whose operators
    were counted.
    """

    def __init__(
        self, nodes: Mapping[str, int], unreached: Mapping[str, Collection[str]], home: str = ""
    ) -> None:
        self._left, self._unreached, self._home = dict(nodes), unreached, home

    @property
    def left(self) -> int:
        """How many calls can be placed still."""
        return sum(left for left in self._left.values() if left > 0)

    def take(self, trunk: str, *, manned: bool = False) -> str:
        """The node for a call over this trunk; "" when those that reach it have no place left."""
        able = [name for name in self._left if trunk not in self._unreached.get(name, ())]
        able = [name for name in able if self._left[name] > 0 and (name == self._home or not manned)]
        if not able:
            return ""
        name = max(able, key=lambda one: self._left[one])
        self._left[name] -= 1
        return name


class Nodes:
    """`make` gives a node's gateway, `listen` starts the task that hears its events."""

    def __init__(self, make: Make) -> None:
        self._make = make
        self._nodes: dict[str, Node] = {}
        self._described: dict[str, Asterisk] = {}
        self._listening: dict[str, asyncio.Task[None]] = {}

    @property
    def connected(self) -> bool:
        """One of them is there."""
        return any(node.connected for node in self._nodes.values())

    @property
    def channels(self) -> dict[str, int]:
        """Node -> calls at a time, of those that the settings name."""
        return {name: one.channels for name, one in self._described.items()}

    def open(self, drained: Collection[str]) -> dict[str, int]:
        """Node -> calls at a time, of those that may be given calls."""
        return {
            name: most
            for name, most in self.channels.items()
            if name not in drained and self._nodes[name].connected
        }

    def get(self, name: str) -> Node:
        """A node by name; AsteriskDown when it is none of ours (any more)."""
        if name not in self._nodes:
            raise AsteriskDown(f"no node named {name!r}")
        return self._nodes[name]

    @property
    def lag_s(self) -> float:
        """How late events are handled, of the worst node."""
        return max((node.lag_s for node in self._nodes.values()), default=0.0)

    def unreached(self, trunks: Iterable[Trunk]) -> dict[str, frozenset[str]]:
        """Node -> trunks whose endpoint does not answer it."""
        ways = [(trunk.name, trunk.endpoint) for trunk in trunks]
        return {
            name: frozenset(trunk for trunk, endpoint in ways if endpoint in node.unreachable)
            for name, node in self._nodes.items()
        }

    async def take_in(self, described: Iterable[Asterisk], listen: Listen) -> None:
        """The settings' nodes from now on: new ones are connected to, changed ones anew."""
        wanted = {one.name: one for one in described}
        for name, one in wanted.items():
            if self._described.get(name) == one:
                continue
            await self._end(name)
            self._nodes[name] = self._make(one)
            await self._nodes[name].start()
            self._listening[name] = listen(self._nodes[name])
        self._described = wanted

    async def forget(self, busy: Collection[str]) -> None:
        """Let go of nodes that left the settings and have no call of ours."""
        for name in self._nodes.keys() - self._described.keys() - set(busy):
            await self._end(name)

    async def survey(self) -> None:
        """Have each node tell which of its channels live (LinkUp): calls of another dialer's are ours now."""
        for node in self._nodes.values():
            await node.survey()

    async def stop(self) -> None:
        """Close every connection. Calls that Asterisk has go on."""
        for name in list(self._nodes):
            await self._end(name)

    async def _end(self, name: str) -> None:
        if task := self._listening.pop(name, None):
            task.cancel()
        if node := self._nodes.pop(name, None):
            await node.stop()

    def told(self, used: Mapping[str, int]) -> dict[str, dict[str, object]]:
        """For watchers: node -> connected, channels, used."""
        channels = self.channels
        return {
            name: {
                "connected": node.connected,
                "used": used.get(name, 0),
                "channels": channels.get(name),
            }
            for name, node in self._nodes.items()
        }
