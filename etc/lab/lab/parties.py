"""The sides of a masked call, each a SIPp that goes through its acts: a driver, a client, a stranger, and the
carrier of each, which tells its subscriber's number wherever SIP has room for one.

| act of the caller | act of the callee | act of both |
|---|---|---|
| call, hear ringing, be answered, press | be called, ring, play tones, answer | wait |
| be refused | be busy, decline, send elsewhere (302 to `third`) | re-invite, update |
| cancel | be given up | transfer (REFER to `third`), write (MESSAGE, INFO) |
| | | hang up, be hung up on |
"""

import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from lab import LabError, ports
from lab.mouth import pressed
from lab.process import Process, tail

LONGEST_S = 60
MEDIA_PORTS = 4
Identity = Literal["named", "withheld", "unknown"]


@dataclass(frozen=True, slots=True)
class Party:
    """Who has `number` (E.164) does `acts`, as a caller of `dials` ("": he is called).

    `identity`: he shows his number; withholds it, and his carrier tells us alone (RFC 3325); nobody tells it.
    `third`: somebody else's number, to whom he transfers, or who forwarded the call. `keys`: what he presses.
    """

    number: str
    acts: tuple[str, ...]
    dials: str = ""
    identity: Identity = "named"
    third: str = ""
    keys: str = ""


class Side:
    """A party's SIPp, all of it under `folder`; `port` is his for SIP, `media` the first of MEDIA_PORTS."""

    def __init__(self, party: Party, folder: Path, port: int, media: int) -> None:
        self.party, self.port, self._media = party, port, media
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._errors = folder / "errors.log"
        self._process: Process | None = None
        keys = pressed(party.keys, folder / "keys.pcap") if party.keys else ""
        (folder / "party.xml").write_text(scenario(party, str(keys)))

    def start(self, asterisk: str) -> None:
        """Call Asterisk at HOST:PORT, or wait until called: from now on."""
        command = ["sipp", "-sf", str(self._folder / "party.xml"), "-i", "127.0.0.1", "-p", str(self.port)]
        command += ["-mi", "127.0.0.1", "-mp", str(self._media), "-m", "1", "-nostdin"]
        command += [
            "-timeout",
            f"{LONGEST_S}s",
            "-timeout_error",
            "-trace_err",
            "-error_file",
            str(self._errors),
        ]
        command += [asterisk] if self.party.dials else []
        self._process = Process(command, self._folder / "sipp.log", cwd=self._folder)
        if not self.party.dials:
            self._process.wait_for(lambda: not ports.is_free(self.port), 10, "SIPp")

    def finish(self) -> str:
        """Wait until all acts are done; "" or what went otherwise."""
        if self._process is None:
            raise LabError("the party was not started")
        try:
            status = self._process.popen.wait(LONGEST_S + 10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            return "it did not end"
        return "" if status == 0 else tail(self._errors, 40)

    def stop(self) -> None:
        """It vanishes without a word."""
        if self._process:
            self._process.kill()


def scenario(party: Party, keys: str = "") -> str:
    """A party's acts in SIPp's XML; `keys` is the file with the keys that he presses."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=select_autoescape([]),  # SIP inside CDATA, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    number = party.number
    spaced = f"8 ({number[2:5]}) {number[5:8]}-{number[8:10]}-{number[10:]}"
    named = f'"{spaced}" <sip:{number}@[local_ip]:[local_port]>'
    caller = named if party.identity == "named" else '"Anonymous" <sip:anonymous@anonymous.invalid>'
    given = asdict(party) | {"keys": keys, "calls": bool(party.dials), "spaced": spaced}
    return templates.get_template("party.xml").render(given, caller=f"{caller};tag=[pid]z[call_number]")
