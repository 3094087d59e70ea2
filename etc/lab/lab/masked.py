"""Masked calls on a stand, played by two parties each, and whether anybody's number reached the other side.

Whatever a party and its carrier send tells their numbers (`party.xml`); what Asterisk sends to one side must tell
nothing of the other's, or of anybody else's. That holds for every message to whatever port. A scenario in
which nothing was told, or whose parties did not do all that they should, is no proof: it counts as failed.
"""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.request import urlopen

from engine.masking.pool import Numbers
from engine.masking.service import Bindings
from lab import LabError
from lab.leaks import Leak, Message, in_message, in_text
from lab.parties import MEDIA_PORTS, Identity, Party, Side
from lab.ports import Ports, is_free
from lab.process import tail
from lab.shell import Shell
from lab.wire import Wire
from storage.db import open_engine

COMPANY = "+78120000001"
THIRD = "+79039876543"  # who forwarded a call, or to whom one is to be sent
DRIVER, CLIENT, STRANGER = "driver", "client", "stranger"
READY = "what masked calls say is at hand"
CALL = ("call", "be answered")
TAKE = ("be called", "ring", "play tones", "answer", "wait")
LEFT, LEAVE = ("be hung up on",), ("wait", "hang up")


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who is `by` calls and does `caller`; the other side of the order does `callee`, () when it is not rung.

    `third`: also a third person's number is told; `coded`: the caller presses his order's code.
    """

    name: str
    caller: tuple[str, ...]
    callee: tuple[str, ...] = ()
    by: str = DRIVER
    identity: Identity = "named"
    third: bool = False
    coded: bool = False
    record: bool = False


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario as it went: messages to either side, those of them that told us a number, what leaked, and
    what went otherwise than it should ("": nothing).
    """

    scenario: Scenario
    messages: tuple[Message, ...]
    to_caller: int
    to_callee: int
    told: int
    leaks: tuple[Leak, ...]
    otherwise: str

    @property
    def clean(self) -> bool:
        """It was played to the end, numbers were told, none reached the other side."""
        return not self.leaks and not self.otherwise and self.told > 0


def _each_way(one: Scenario) -> list[Scenario]:
    return [one, replace(one, by=CLIENT)]


SCENARIOS = [
    *_each_way(Scenario("the caller hangs up", (*CALL, *LEAVE), (*TAKE, *LEFT))),
    *_each_way(Scenario("the callee hangs up", (*CALL, *LEFT), (*TAKE, *LEAVE))),
    *_each_way(Scenario("recorded", (*CALL, *LEFT), (*TAKE, *LEAVE), record=True)),
    *_each_way(
        Scenario("withheld, told by the carrier", (*CALL, *LEFT), (*TAKE, *LEAVE), identity="withheld")
    ),
    Scenario(
        "withheld, by code", (*CALL, "wait", "press", *LEFT), (*TAKE, *LEAVE), identity="unknown", coded=True
    ),
    *_each_way(Scenario("forwarded to us", (*CALL, *LEFT), (*TAKE, *LEAVE), third=True)),
    *_each_way(Scenario("busy", (*CALL, *LEFT), ("be called", "ring", "be busy"))),
    Scenario("declined", (*CALL, *LEFT), ("be called", "ring", "play tones", "decline")),
    *_each_way(Scenario("302", (*CALL, *LEFT), ("be called", "send elsewhere"), third=True)),
    *_each_way(
        Scenario(
            "the caller gives up", ("call", "hear ringing", "cancel"), ("be called", "ring", "be given up")
        )
    ),
    Scenario("nobody answers", (*CALL, *LEFT), ("be called", "ring", "be given up")),
    *_each_way(
        Scenario("connected line of the callee", (*CALL, *LEFT), (*TAKE, "re-invite", "update", *LEAVE))
    ),
    Scenario("connected line of the caller", (*CALL, "wait", "re-invite", "update", *LEAVE), (*TAKE, *LEFT)),
    *_each_way(Scenario("transfer by the callee", (*CALL, *LEFT), (*TAKE, "transfer", *LEAVE), third=True)),
    Scenario("transfer by the caller", (*CALL, "wait", "transfer", *LEAVE), (*TAKE, *LEFT), third=True),
    Scenario("messages of the callee", (*CALL, *LEFT), (*TAKE, "write", *LEAVE)),
    Scenario("messages of the caller", (*CALL, "wait", "write", *LEAVE), (*TAKE, *LEFT)),
    Scenario("a stranger", (*CALL, *LEAVE), by=STRANGER),
]


class Masked:
    """A stand with an inbound trunk of masked calls, our server beside it; `play` one scenario after another.

    The stand's own carrier is stopped: each callee takes its place.
    """

    def __init__(self, shell: Shell, serve: bool = True) -> None:
        self.shell, self.stand = shell, shell.stand
        self.hidden: list[str] = [THIRD]  # all numbers that nothing may tell
        self._running = ExitStack()
        self._engine = open_engine(shell.database_url)
        self._bindings = Bindings(self._engine, self.stand.settings)
        self._ports = self._running.enter_context(Ports())
        self._metrics = f"127.0.0.1:{self._ports.take()}"
        self._count = 0
        self._serve = serve

    def __enter__(self) -> "Masked":
        self.stand.carrier.stop()
        self.shell.zvonar("db", "upgrade")
        Numbers(self._engine, self.stand.settings).add(COMPANY, "leak-test", shared=True)
        if self._serve:
            self.shell.serve("fastagi", "--metrics", self._metrics)
            port = int(self.stand.settings.fastagi.bind.rpartition(":")[2])
            _until(lambda: READY in self.shell.logs() and not is_free(port), "our server", self.shell.logs)
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
        self._engine.dispose()

    def play(self, scenario: Scenario, before: Callable[[str, str], None] | None = None) -> Played:
        """Bind an order of two new phones, play the scenario on it, and look at all that Asterisk sent.
        `before` is told the caller's phone and the other one, first.
        """
        self._count += 1
        order, driver, client = (f"leak-{self._count}", *_phones(self._count))
        body = {
            "order": order,
            "version": 1,
            "driver": {"phones": [driver]},
            "client": {"phones": [client]},
            "record": scenario.record,
        }
        bound = self._bindings.ask(body, "leak-test")
        phones = {DRIVER: (driver, client), CLIENT: (client, driver), STRANGER: (_phones(0)[0], client)}
        own, other = phones[scenario.by]
        third = THIRD if scenario.third else ""
        keys = f"{bound['extension']}#" if scenario.coded else ""
        sides = [
            Party(other, scenario.callee, third=third),
            Party(own, scenario.caller, COMPANY, scenario.identity, third, keys),
        ]
        self.hidden += [driver, client]
        if before:
            before(own, other)
        return self._played(scenario, sides, {driver, client, own, THIRD})

    def _played(self, scenario: Scenario, parties: Sequence[Party], secret: set[str]) -> Played:
        sip = self.stand.node.node.sip
        asterisk, to_callee, to_caller = (
            int(sip.rpartition(":")[2]),
            self.stand.carrier.port,
            self._ports.take(),
        )
        sides = []
        with Wire(asterisk) as wire:
            for party, port in zip(parties, (to_callee, to_caller), strict=True):
                if party.acts:
                    folder = (
                        self.stand.run_dir / f"parties/{self._count}-{'caller' if party.dials else 'callee'}"
                    )
                    sides.append(Side(party, folder, port, self._ports.take(MEDIA_PORTS)))
                    sides[-1].start(sip)
            otherwise = "\n".join(filter(None, [side.finish() for side in sides]))
        callee, caller = (party.number for party in parties)
        may = {to_callee: {callee}, to_caller: {caller}}  # what each may be told: his own number
        sent = [one for one in wire.messages if one.source == asterisk]
        leaks = [leak for one in sent for leak in in_message(one, secret - may.get(one.target, set()))]
        return Played(
            scenario,
            tuple(wire.messages),
            sum(one.target == to_caller for one in sent),
            sum(one.target == to_callee for one in sent),
            sum(bool(in_message(one, secret)) for one in wire.messages if one.target == asterisk),
            tuple(leaks),
            otherwise,
        )

    def elsewhere(self) -> list[Leak]:
        """Numbers in names of files, in our logs, in Asterisk's, in what a dispatch is told, in the metrics."""
        folder = self.stand.run_dir
        texts = [(str(path.relative_to(folder)), path.name) for path in sorted(folder.rglob("*"))]
        logs = [*folder.glob("*.log"), *folder.glob("asterisk*/*.log"), *folder.glob("asterisk*/log/*.log")]
        texts += [(path.name, path.read_text(errors="replace")) for path in logs]
        with urlopen(f"http://{self._metrics}/metrics", timeout=10) as page:
            texts.append(("metrics", page.read().decode()))
        return [leak for where, text in texts for leak in in_text(where, text, self.hidden)]


def _phones(serial: int) -> tuple[str, str]:
    """A driver's and a client's, new ones for each serial."""
    return f"+7921{5_432_100 + serial}", f"+7916{9_876_500 - serial}"


def _until(holds: Callable[[], bool], what: str, told: Callable[[int], str], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            raise LabError(f"{what} is not ready after {seconds:g} s:\n{told(20)}")
        time.sleep(0.05)
