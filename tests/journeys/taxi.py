"""A taxi company on a stand: its number, its dispatch and our server; who calls is a `Caller`, who is called
says by his number what he does (`lab.kinds`).
"""

import time
from collections.abc import Callable, Mapping
from datetime import datetime
from itertools import accumulate, count
from pathlib import Path
from typing import Any

from sqlalchemy import select

from engine.masking.phrases import READY
from engine.masking.pool import Numbers
from engine.masking.service import Bindings
from engine.speech.service import Speech
from lab.caller import Caller
from lab.carrier import PCAPS
from lab.ear import ALAW, RATE, Sound, decode, load, match
from lab.kinds import number
from lab.mouth import played, say
from lab.ports import is_free
from lab.process import Process
from lab.shell import Shell
from storage import mask_calls
from storage.db import Record, open_engine, reading

COMPANY = "+78120000001"
CENTRE = number("operator", 9000)
LIKE = 0.9
WORDS = "Это я, машина подъехала."  # of who calls
SPEECH = decode(played(PCAPS / "g711a.pcap"), ALAW)  # 7 s, of an operator who takes a call


class Taxi:
    """`shell` is that of a stand with an inbound trunk of masked calls; our server serves from now on."""

    def __init__(self, shell: Shell, sounds: Mapping[str, Path]) -> None:
        self.shell, self.stand, self.sounds = shell, shell.stand, sounds
        self.engine = open_engine(shell.database_url)
        self._bindings = Bindings(self.engine, self.stand.settings)
        self._speech = Speech(self.engine, self.stand.settings)
        self._clips = self._speech.phrases("mask", "ru")
        self._serials = count(1)
        self.numbers_of_ours = Numbers(self.engine, self.stand.settings)
        self.numbers_of_ours.add(COMPANY, "anna", shared=True)
        self.server = self.serve()

    def serve(self) -> Process:
        """Our server, once it takes calls."""
        log = self.stand.run_dir / "fastagi.log"
        before = log.read_text().count(READY) if log.exists() else 0
        server = self.shell.serve("fastagi")
        until(lambda: log.exists() and log.read_text().count(READY) > before)
        port = int(self.stand.settings.fastagi.bind.rpartition(":")[2])
        until(lambda: not is_free(port))
        return server

    def bind(
        self, order: str, driver: str | list[str], client: str | list[str], **more: Any
    ) -> dict[str, Any]:
        """The dispatch binds an order; at once."""
        body = {
            "order": order,
            "version": self._bindings.next_version(order),
            "driver": {
                "id": f"driver-{driver}"[:64],
                "phones": [driver] if isinstance(driver, str) else driver,
            },
            "client": {"name": "Анна", "phones": [client] if isinstance(client, str) else client},
        }
        return self._bindings.ask(body | more, "dispatch")

    def close(self, order: str, grace_s: int = 0) -> None:
        """The dispatch ends an order; at once."""
        self._bindings.close(order, "dispatch", grace_s)

    def phone(self, kind: str = "operator", seconds: float = 0) -> str:
        """The phone of somebody new, who does as his kind does."""
        return number(kind, next(self._serials), int(seconds))

    def grace_until(self, order: str) -> datetime:
        """When the client's grace ends."""
        until_: datetime = self._bindings.read(order)["grace_until"]
        return until_

    def caller(self, phone: str, did: str = COMPANY, **more: Any) -> Caller:
        """Somebody who is about to call us, and talks."""
        return Caller(self.stand.node.node.sip, phone, did, **{"says": say(WORDS)} | more)

    def calls_in(self, phone: str, did: str = COMPANY, keys: str = "", **more: Any) -> Caller:
        """He calls, and presses these keys, one after another, a space is a second; he stays on the line."""
        moments = accumulate((0.3 if key != " " else 1.0 for key in keys), initial=1.0)
        pressed = {at: key for at, key in zip(moments, keys, strict=False) if key != " "}
        return self.caller(phone, did, **more).start(pressed)

    def said(self, name: str) -> Sound:
        """A phrase of [mask] as it is said."""
        return load(Path(self._speech.cache.path(self._clips[name].name)))

    def clip(self, name: str) -> str:
        """The name of its file."""
        return self._clips[name].name

    def heard(self, sound: Sound, *names: str) -> bool:
        """Were all these phrases heard, in this order?"""
        found = [match(sound, self.said(name)) for name in names]
        in_order = sorted(found, key=lambda one: one.offset_s) == found
        return in_order and min(one.correlation for one in found) >= LIKE

    def talks(self, call: Caller, phone: str) -> Caller:
        """Wait until the owner of a phone, rung by this call, hears who called."""
        long_enough_s = len(say(WORDS)) / RATE
        until(lambda: call.answered_at > 0 and time.time() > call.answered_at + long_enough_s)
        until(lambda: self.rung(call, phone) and words(self.of(phone)))
        return call

    def rung(self, call: Caller, phone: str) -> bool:
        """Did this phone ring since the call began?"""
        return any(one.number == phone and one.at >= call.invited_at for one in self.stand.carrier.sent)

    def numbers(self) -> list[str]:
        """All phones that we rang, in order."""
        return [call.number for call in self.stand.carrier.sent]

    def like(self, sound: Sound, file: str) -> bool:
        """Was this prompt of the dialplan's own heard?"""
        return match(sound, load(self.sounds[file])).correlation >= LIKE

    def of(self, phone: str) -> Sound:
        """What the owner of a phone that we rang last heard."""
        return self.stand.ear.heard(phone)

    def rang(self, phone: str) -> list[str]:
        """The numbers that were shown on a phone of the carrier's, each time it rang."""
        return [call.caller for call in self.stand.carrier.sent if call.number == phone]

    def centre(self, call: Caller, *names: str) -> Sound:
        """Wait until an operator of the call centre is heard, and the caller is satisfied; he had heard these
        phrases before, in this order.
        """
        call.until(lambda one: speaks(one.heard()))
        heard = call.hang_up()
        assert self.heard(heard, *names, "to-centre")
        return heard

    def calls(self, order: str) -> list[Record]:
        """The calls of an order, as they are written down."""
        query = select(mask_calls.mask_call).where(mask_calls.mask_call.c.order_id == order)
        with reading(self.engine) as connection:
            return list(connection.execute(query.order_by(mask_calls.mask_call.c.id)))

    def ended(self, order: str) -> list[str]:
        """How they ended; all of them are waited for."""
        until(lambda: all(row.ended_at for row in self.calls(order)))
        return [row.ended for row in self.calls(order)]


def speaks(sound: Sound) -> bool:
    """Was a callee who speaks heard? By any second and a half of it: he begins before they are connected."""
    pieces = (SPEECH[int(at * RATE) : int((at + 1.5) * RATE)] for at in (0.7, 3.0, 5.0))
    return any(match(sound, piece).correlation >= LIKE for piece in pieces)


def words(sound: Sound) -> bool:
    """Were the caller's own words heard?"""
    return match(sound, decode(say(WORDS), ALAW)).correlation >= LIKE


def until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Wait for it."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"not so within {seconds:g} s"
        time.sleep(0.02)
