"""The kinds of masked calls that are looked at on the wire. Pure.

The acts are those of `parties`; both sides and their carriers tell their numbers in whatever they send.
"""

from dataclasses import dataclass, replace

from lab.parties import Identity

DRIVER, CLIENT, STRANGER = "driver", "client", "stranger"
CALL = ("call", "be answered")
TAKE = ("be called", "ring", "play tones", "answer", "wait")
LEFT, LEAVE = ("be hung up on",), ("wait", "hang up")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who is `by` calls and does `caller`; the other side of the order does `callee`, () when it is not rung.

    `third`: also a third person's number is told; `coded`: the caller presses his order's code; `back`: we
    ring him first, as he asked, and he presses 1.
    """

    name: str
    caller: tuple[str, ...]
    callee: tuple[str, ...] = ()
    by: str = DRIVER
    identity: Identity = "named"
    third: bool = False
    coded: bool = False
    back: bool = False
    record: bool = False


def _each_way(one: Scenario) -> list[Scenario]:
    return [one, replace(one, by=CLIENT)]


SCENARIOS = [
    *_each_way(Scenario("caller-hangs-up", (*CALL, *LEAVE), (*TAKE, *LEFT))),
    *_each_way(Scenario("callee-hangs-up", (*CALL, *LEFT), (*TAKE, *LEAVE))),
    *_each_way(Scenario("recorded", (*CALL, *LEFT), (*TAKE, *LEAVE), record=True)),
    *_each_way(Scenario("withheld-told", (*CALL, *LEFT), (*TAKE, *LEAVE), identity="withheld")),
    Scenario(
        "withheld-code", (*CALL, "wait", "press", *LEFT), (*TAKE, *LEAVE), identity="unknown", coded=True
    ),
    *_each_way(Scenario("forwarded", (*CALL, *LEFT), (*TAKE, *LEAVE), third=True)),
    *_each_way(Scenario("busy", (*CALL, *LEFT), ("be called", "ring", "be busy"))),
    Scenario("declined", (*CALL, *LEFT), ("be called", "ring", "play tones", "decline")),
    *_each_way(Scenario("moved", (*CALL, *LEFT), ("be called", "send elsewhere"), third=True)),
    *_each_way(
        Scenario("given-up", ("call", "hear ringing", "cancel"), ("be called", "ring", "be given up"))
    ),
    Scenario("no-answer", (*CALL, *LEFT), ("be called", "ring", "be given up")),
    *_each_way(Scenario("callee-line", (*CALL, *LEFT), (*TAKE, "re-invite", "update", *LEAVE))),
    Scenario("caller-line", (*CALL, "wait", "re-invite", "update", *LEAVE), (*TAKE, *LEFT)),
    *_each_way(Scenario("callee-transfers", (*CALL, *LEFT), (*TAKE, "transfer", *LEAVE), third=True)),
    Scenario("caller-transfers", (*CALL, "wait", "transfer", *LEAVE), (*TAKE, *LEFT), third=True),
    Scenario("callee-writes", (*CALL, *LEFT), (*TAKE, "write", *LEAVE)),
    Scenario("caller-writes", (*CALL, "wait", "write", *LEAVE), (*TAKE, *LEFT)),
    *_each_way(
        Scenario(
            "call-back", ("be called", "ring", "answer", "wait", "press", *LEFT), (*TAKE, *LEAVE), back=True
        )
    ),
    Scenario("stranger", (*CALL, *LEAVE), by=STRANGER),
]
