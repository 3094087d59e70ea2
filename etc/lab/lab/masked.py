"""Masked calls on a stand, played by two parties each: did anybody's number reach the other side?

Whatever a party and its carrier send tells their numbers (`party.xml`); what Asterisk sends to one side must
tell nothing of the other's, or of anybody else's, in any message to any port. A scenario in which no number
was told, or whose parties did not do all that they should, proves nothing: it counts as failed.
"""

import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from pydantic import SecretStr

from engine.masking.back import CallBacks
from engine.masking.phrases import READY
from engine.masking.pool import Numbers
from engine.masking.service import Bindings
from engine.sections import Masking, Trunk, Webhook
from lab import LabError
from lab.leaks import Leak, Message, in_message, in_text
from lab.listener import Listener
from lab.parties import MEDIA_PORTS, Party, Side
from lab.ports import Ports, is_free
from lab.scenarios import CLIENT, DRIVER, STRANGER, Scenario
from lab.shell import Shell
from lab.stand import Stand
from lab.wire import Wire
from storage.db import open_engine
from storage.vocab import MaskRole

COMPANY = "+78120000001"
DRIVERS, CLIENTS = "+7921", "+7916"  # how their numbers begin: each have a carrier of their own
THIRD = "+79039876543"  # who forwarded a call, or to whom one is to be sent


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


class Masked:
    """A stand whose trunk takes masked calls, with our server beside it unless not `serve`d.

    The stand's own carriers stop, that of drivers and that of clients: who is called takes their place.
    """

    def __init__(self, shell: Shell, heard: Listener, ports: Ports, *, serve: bool = True) -> None:
        self.shell, self.stand, self.heard = shell, shell.stand, heard
        self.hidden: list[str] = [THIRD]  # all numbers that nothing may tell
        self._ports, self._count, self._orders = ports, 0, 0
        engine = open_engine(shell.database_url)
        self._bindings = Bindings(engine, self.stand.settings)
        self._backs = CallBacks(engine, self.stand.settings)
        carriers = {DRIVERS: self.stand.carrier, CLIENTS: self.stand.spare}
        self._carriers = {prefix: carrier for prefix, carrier in carriers.items() if carrier}
        for carrier in self._carriers.values():
            carrier.stop()
        shell.zvonar("db", "upgrade")
        Numbers(engine, self.stand.settings).add(COMPANY, "leak-test", shared=True)
        if serve:
            shell.serve("all")
            port = int(self.stand.settings.fastagi.bind.rpartition(":")[2])
            self._until(lambda: READY in shell.logs() and not is_free(port), "our server is not ready")

    def play(self, scenario: Scenario, before: Callable[[str, str], None] | None = None) -> Played:
        """Bind an order of two new phones, play the scenario on it, and look at all that Asterisk sent.

        `before` is told the caller's phone and the other one, first.
        """
        self._count += 1
        driver, client = _phones(self._count)
        body = {
            "order": self._order,
            "version": 1,
            "driver": {"phones": [driver]},
            "client": {"phones": [client]},
            "record": scenario.record,
        }
        bound = self._bindings.ask(body, "leak-test")
        self._orders += scenario.by != STRANGER
        phones = {DRIVER: (driver, client), CLIENT: (client, driver), STRANGER: (_phones(0)[0], client)}
        own, other = phones[scenario.by]
        if before:
            before(own, other)
        self.hidden += [driver, client]
        third = THIRD if scenario.third else ""
        keys = f"{bound['extension']}#" if scenario.coded else "1" if scenario.back else ""
        dials = "" if scenario.back else COMPANY
        parties = (
            Party(other, scenario.callee, third=third),
            Party(own, scenario.caller, dials, scenario.identity, third, keys),
        )
        return self._played(scenario, parties, {driver, client, own, THIRD})

    def _played(self, scenario: Scenario, parties: Sequence[Party], secret: set[str]) -> Played:
        asterisk = int(self.stand.node.node.sip.rpartition(":")[2])
        ports = [self._ports.take() if party.dials else self._port_of(party.number) for party in parties]
        messages, otherwise = self._acted(scenario, parties, ports)
        callee, caller = ports
        may = {port: {party.number} for port, party in zip(ports, parties, strict=True)}  # be told: his own
        sent = [one for one in messages if one.source == asterisk]
        leaks = [leak for one in sent for leak in in_message(one, secret - may.get(one.target, set()))]
        return Played(
            scenario,
            tuple(messages),
            to_caller=sum(one.target == caller for one in sent),
            to_callee=sum(one.target == callee for one in sent),
            told=sum(bool(in_message(one, secret)) for one in messages if one.target == asterisk),
            leaks=tuple(leaks),
            otherwise=otherwise,
        )

    def _acted(
        self, scenario: Scenario, parties: Sequence[Party], ports: Sequence[int]
    ) -> tuple[list[Message], str]:
        """What went over the wire while the parties acted, and what went otherwise than it should."""
        sip, folder = self.stand.node.node.sip, self.stand.run_dir / f"parties/{self._count}"
        sides = [
            Side(party, folder / name, port, self._ports.take(MEDIA_PORTS))
            for name, party, port in zip(("callee", "caller"), parties, ports, strict=True)
            if party.acts
        ]
        with Wire(int(sip.rpartition(":")[2])) as wire:
            for side in sides:
                side.start(sip)
            if scenario.back:
                self._backs.call(self._order, MaskRole(scenario.by), "leak-test")
            otherwise = [side.finish() for side in sides]
        return wire.messages, "\n".join(filter(None, otherwise))

    def _port_of(self, number: str) -> int:
        """Where the carrier of a driver or a client is."""
        return next(one.port for prefix, one in self._carriers.items() if number.startswith(prefix))

    @property
    def _order(self) -> str:
        return f"leak-{self._count}"

    def elsewhere(self) -> dict[str, list[Leak]]:
        """Numbers where they may not be: names of files, logs, what a dispatch is told, metrics."""
        folder = self.stand.run_dir
        self._until(lambda: self._told() >= self._orders, "the dispatch does not hear of all calls")
        logs = [*folder.glob("*.log"), *folder.glob("asterisk*/*.log"), *folder.glob("asterisk*/log/*.log")]
        with urlopen(f"http://{self.stand.settings.web.bind}/metrics", timeout=10) as page:
            metrics = page.read().decode()
        texts = {
            "files": [(str(path), path.name) for path in sorted(folder.rglob("*"))],
            "logs": [(path.name, path.read_text(errors="replace")) for path in logs],
            "webhook": [("webhook", body.decode()) for body in self.heard.bodies],
            "metrics": [("metrics", metrics)],
        }
        return {
            kind: [leak for where, text in found for leak in in_text(where, text, self.hidden)]
            for kind, found in texts.items()
        }

    def _told(self) -> int:
        """Of how many calls' ends the dispatch has heard."""
        return sum(event["event"] == "ended" for body in self.heard.bodies for event in _events(body))

    def _until(self, holds: Callable[[], bool], otherwise: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise LabError(f"{otherwise} within {seconds:g} s:\n{self.shell.logs(20)}")
            time.sleep(0.05)


@contextmanager
def masked(
    folder: Path, *, serve: bool = True, spoilt: Callable[[Stand], None] | None = None, **options: Any
) -> Iterator[Masked]:
    """All of it, in `folder`. `spoilt` may change what is rendered there before Asterisk starts."""
    trunk, other = (
        Trunk(name=name, endpoint=name, cps=50, channels=100, inbound="mask", prefixes=[prefix])
        for name, prefix in (("drivers", DRIVERS), ("clients", CLIENTS))
    )
    masking = Masking(whisper=False, ring_s=5)
    with Listener() as heard, Ports() as ports:
        hook = Webhook(
            name="dispatch",
            url=heard.url,
            secrets=[SecretStr("a secret of the leak test")],
            tells="masking",
            allow_private=True,
        )
        stand = Stand(
            folder, hear=False, trunk=trunk, spare=other, masking=masking, webhook=[hook], **options
        )
        if spoilt:
            spoilt(stand)
        with stand, Shell(stand, f"sqlite:///{folder / 'zvonar.db'}") as shell:
            yield Masked(shell, heard, ports, serve=serve)


def _events(body: bytes) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(body)["events"]
    return found


def _phones(serial: int) -> tuple[str, str]:
    """A driver's and a client's, new ones for each serial."""
    return f"{DRIVERS}{5_432_100 + serial}", f"{CLIENTS}{9_876_500 - serial}"
