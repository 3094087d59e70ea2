"""SIPp, being the carrier and every subscriber behind it, in one process.

The scenario (`carrier.xml`) branches by the dialled number, see `kinds`. With `log` each INVITE is noted, so
that a test can show who was dialled, and that nobody was twice.
"""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from lab import LabError, ports
from lab.kinds import KEYS, KINDS, PROMISE, REFUSALS, TRIED
from lab.mouth import beep, capture, pressed, rest, say
from lab.process import Process

PCAPS = Path("/usr/share/sip-tester")
GREETING = "Здравствуйте! Вы позвонили Ивану. Сейчас я не могу подойти. Оставьте сообщение после сигнала."
MOVED_TO = "+79990000000"  # where the kind "moved" would send a caller who follows
EAR_OFFSET = 4  # SIPp binds its media port and the second after it; the ear sits beside them


@dataclass(frozen=True, slots=True)
class Invite:
    """One call as the carrier saw it: `at` in seconds of the epoch, `rtp` Asterisk's side of the audio,
    `caller` the number that it came from.
    """

    at: float
    number: str
    call_id: str
    rtp: tuple[str, int]
    caller: str


class Carrier:
    """Started by `with`; listens for SIP on 127.0.0.1:`port`.

    `media` is the first of `EAR_OFFSET` + 2 ports. With `ear` callees name `ear_port` as the place of their
    audio, and somebody (`ear.Ear`) should listen there; without, SIPp takes the audio and nobody listens.
    """

    def __init__(self, run_dir: Path, port: int, media: int, ear: bool = True, log: bool = True) -> None:
        if shutil.which("sipp") is None or not PCAPS.is_dir():
            raise LabError("SIPp is missing: apt-get install sip-tester")
        self.port = port
        self.ear_port = media + EAR_OFFSET
        self._media = media
        run_dir.mkdir(parents=True, exist_ok=True)
        self._run_dir = run_dir
        self._calls = run_dir / "calls.log"
        self._scenario = run_dir / "carrier.xml"
        self._scenario.write_text(scenario(ear, log, _captures(run_dir)))
        self._log = log
        self._process: Process | None = None

    def start(self) -> None:
        """Start, and wait until it listens."""
        command = ["sipp", "-sf", str(self._scenario), "-i", "127.0.0.1", "-p", str(self.port)]
        command += ["-mi", "127.0.0.1", "-mp", str(self._media), "-nostdin", "-f", "3600"]
        command += ["-buff_size", "4194304"]
        if self._log:
            command += ["-trace_logs", "-log_file", str(self._calls)]
        self._process = Process(command, self._run_dir / "sipp.log", cwd=self._run_dir)
        self._process.wait_for(lambda: not ports.is_free(self.port), 10, "SIPp")

    def stop(self) -> None:
        """Stop; callees vanish without a word."""
        if self._process:
            self._process.stop()

    @property
    def pid(self) -> int:
        """SIPp's pid, for measuring what it uses."""
        if self._process is None:
            raise LabError("the carrier was not started")
        return self._process.pid

    @property
    def sent(self) -> list[Invite]:
        """Every INVITE so far in order, one a call: repeats of the same INVITE do not count."""
        if not self._calls.exists():
            return []
        lines = (line.split() for line in self._calls.read_text().splitlines())
        return [
            Invite(
                at=float(words[-6]),
                number=f"+{words[-5]}",
                call_id=words[-4],
                rtp=(words[-3], int(words[-2])),
                caller=words[-1].removeprefix("from="),
            )
            for words in lines
            if words[:1] == ["INVITE"]
        ]

    def __enter__(self) -> "Carrier":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _captures(folder: Path) -> dict[str, Path]:
    """What callees say and press. A phone sends its silence too, and AMD counts what is sent."""
    machine = rest(300) + say(GREETING) + rest(300) + beep() + rest(20_000)
    return {
        "hello": capture(rest(300) + say("Алло!") + rest(20_000), folder / "hello.pcap"),
        "greeting": capture(machine, folder / "greeting.pcap"),
        "promise": pressed(PROMISE, folder / "promise.pcap"),
        "tried": pressed(TRIED, folder / "tried.pcap"),
    }


def scenario(ear: bool, log: bool, captures: Mapping[str, Path]) -> str:
    """The scenario in SIPp's XML for all kinds; `captures` as `_captures` makes them."""
    templates = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        undefined=StrictUndefined,
        autoescape=select_autoescape([]),  # SIP inside CDATA, not HTML
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("carrier.xml").render(
        kinds=KINDS.values(),
        named=KINDS,
        keys=KEYS,
        refusals=REFUSALS,
        ear_offset=EAR_OFFSET if ear else 0,
        log=log,
        moved_to=MOVED_TO,
        pcaps=PCAPS,
        speech=PCAPS / "g711a.pcap",
        **captures,
    )
