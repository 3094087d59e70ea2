"""Shares of a limit: whoever joins, dies, is taken over, in any order, they never exceed it."""

from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from engine.campaign.shares import Claims, Share, settle

KEY = ("trunk", "trunk")
NAMES = ("a", "b", "c")


@dataclass
class Dialer:
    """What one process knows: the limit that it keeps to, its calls."""

    limit: Share = field(default_factory=Share)
    used: int = 0


@dataclass
class World:
    """The share table, and the processes that live."""

    cap: Share
    granted: dict[str, Share] = field(default_factory=dict)
    alive: dict[str, Dialer] = field(default_factory=dict)

    def settle(self, name: str) -> None:
        """One step; what is written down is written before the limit is kept to."""
        me = self.alive[name]
        others = {KEY: [share for of, share in self.granted.items() if of != name]}
        claims = Claims({KEY: self.cap}, {KEY: me.limit}, {KEY: me.used})
        settled = settle(claims, others, sorted(self.alive), name)
        self.granted[name], me.limit = settled.granted[KEY], settled.limits[KEY]

    def call(self, name: str) -> None:
        """A call, if the limit has room for it, and never above the whole of the cap as it is known here."""
        me = self.alive[name]
        me.used += me.used < me.limit.within(self.cap.channels, self.cap.cps).channels

    def die(self, name: str) -> None:
        """Killed: its calls go on, and are its next life's or its heir's."""
        dead = self.alive.pop(name)
        self.orphans[name] = self.orphans.get(name, 0) + dead.used

    orphans: dict[str, int] = field(default_factory=dict)

    def inherit(self, heir: str) -> None:
        """Shares and calls of all the dead are another's."""
        me = self.alive[heir]
        for name in [name for name in self.granted if name not in self.alive]:
            mine, left = self.granted.get(heir, Share()), self.granted.pop(name)
            self.granted[heir] = Share(mine.channels + left.channels, mine.cps)
            me.used += self.orphans.pop(name, 0)

    @property
    def used(self) -> int:
        return sum(one.used for one in self.alive.values()) + sum(self.orphans.values())


STEPS = st.tuples(
    st.sampled_from(["settle", "settle", "call", "call", "end", "die", "join", "inherit"]),
    st.sampled_from(NAMES),
)


def play(world: World, step: str, name: str) -> None:
    """One step of one of them, if it can be."""
    if step == "join" and name not in world.alive:
        world.alive[name] = Dialer(used=world.orphans.pop(name, 0))
    if name not in world.alive:
        return
    match step:
        case "settle":
            world.settle(name)
        case "call":
            world.call(name)
        case "end":
            world.alive[name].used = max(0, world.alive[name].used - 1)
        case "die":
            world.die(name)
        case "inherit":
            world.inherit(name)


@given(st.integers(0, 7), st.lists(STEPS, max_size=120))
def test_together_they_never_use_more_than_there_is(channels: int, steps: list[tuple[str, str]]) -> None:
    world = World(Share(channels, 10.0))
    for step, name in steps:
        play(world, step, name)
        assert world.used <= channels
        assert sum(one.limit.channels for one in world.alive.values()) <= channels
        assert sum(one.limit.cps for one in world.alive.values()) <= 10.0 + 1e-9


@given(st.integers(1, 7), st.integers(0, 7), st.lists(STEPS, max_size=80), st.lists(STEPS, max_size=80))
def test_a_cap_that_is_lowered_live_is_not_exceeded_by_a_new_call(
    before: int, after: int, first: list[tuple[str, str]], then: list[tuple[str, str]]
) -> None:
    world = World(Share(before, 10.0))
    for step, name in first:
        play(world, step, name)
    world.cap = Share(min(before, after), 10.0)
    # Each learns of it in its own beat and settles once; calls under way are not cut.
    for name in sorted(world.alive):
        world.settle(name)
    for step, name in then:
        most = max(world.used, world.cap.channels)
        play(world, step, name)
        assert world.used <= most


@given(st.integers(0, 50), st.integers(1, 3))
def test_in_a_few_steps_all_of_it_is_dealt_out_evenly(channels: int, count: int) -> None:
    world = World(Share(channels, 6.0), alive={name: Dialer() for name in NAMES[:count]})
    for _ in range(3):
        for name in NAMES[:count]:
            world.settle(name)
    limits = [one.limit.channels for one in world.alive.values()]
    assert sum(limits) == channels
    assert max(limits) - min(limits) <= 1
    assert all(abs(one.limit.cps - 6.0 / count) < 1e-9 for one in world.alive.values())


def test_whoever_cannot_dial_has_nothing_and_keeps_what_his_calls_use() -> None:
    claims = Claims({KEY: Share(10, 5.0)}, {KEY: Share(6, 3.0)}, {KEY: 4})
    settled = settle(claims, {}, ["other"], "me")
    assert settled.limits[KEY] == Share(0, 0.0)
    assert settled.granted[KEY] == Share(6, 3.0)
    again = settle(Claims(claims.caps, settled.limits, claims.used), {}, ["other"], "me")
    assert again.granted[KEY] == Share(4, 0.0)
