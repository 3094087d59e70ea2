"""A campaign under several real dialers, and somebody who kills them."""

import json
import signal
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import builders
from sqlalchemy import func, select, text, update

from chaos.carrier import SECRET, Carrier
from chaos.judge import Evidence, Judgement, Life, Limits, Row, judge
from chaos.nursery import Nursery
from storage import calls, contact, dialer, migrations
from storage import campaign as campaigns
from storage.db import new_id, open_engine, reading, writing
from storage.vocab import CampaignState, LeadState, Role

TRUNKS = {"first": (20.0, 12), "second": (20.0, 8)}  # calls a second, calls at a time
NODES = {"east": 10, "west": 10}
CAMPAIGNS = {"autumn": 7, "winter": 12}
DAY, GAP_S = 3, 4
RETRY = {"busy": "1s", "no-answer": "1s", "invalid-number": "1s", "congestion": "1h", "unreachable": "1s"}
QUIET_S = 90.0
CONFIG = """
data_dir = "{folder}"
database_url = "{database}"
[log]
level = "warning"
[dialer]
name = "{name}"
dial_timeout_s = 10
max_call_s = 60
[contact]
attempts_day = {day}
gap_s = {gap}
"""
NODE = '[[asterisk]]\nname = "{name}"\nport = {port}\nsecret = "{secret}"\nchannels = {channels}\n'
TRUNK = '[[trunk]]\nname = "{name}"\nendpoint = "{name}"\ncps = {cps}\nchannels = {channels}\n'


@dataclass(slots=True)
class One:
    """A dialer's place: its settings and the process that has it now (pid 0: none)."""

    name: str
    config: Path
    log: Path
    pid: int = 0
    born: float = 0.0


@dataclass
class Rig:
    """To be entered; then `start`, `kill`, and at the end `judge`."""

    folder: Path
    database: str
    dialers: int = 2
    people: int = 600
    trunks: dict[str, tuple[float, int]] = field(default_factory=lambda: dict(TRUNKS))
    nodes: dict[str, int] = field(default_factory=lambda: dict(NODES))
    campaigns: dict[str, int] = field(default_factory=lambda: dict(CAMPAIGNS))
    lives: list[Life] = field(default_factory=list)
    _open: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> "Rig":
        self.engine = open_engine(self.database)
        self._open.callback(self.engine.dispose)
        migrations.upgrade(self.engine)
        self._fill()
        self.carrier = self._open.enter_context(Carrier(self.database, list(self.nodes), set(self.trunks)))
        self.nursery = self._open.enter_context(Nursery())
        self.all = [self._place(f"dialer-{n}") for n in range(1, self.dialers + 1)]
        return self

    def __exit__(self, *problem: object) -> None:
        self._open.close()

    def _fill(self) -> None:
        """Running campaigns, and people who have a lead in each of them."""
        rows = [
            builders.add_campaign(
                self.engine,
                name,
                cps=30.0,
                channels=channels,
                attempts=5,
                trunks=list(self.trunks),
                retry=RETRY,
            )
            for name, channels in self.campaigns.items()
        ]
        self._named = {str(row.id): row.name for row in rows}
        numbers = [f"+7921{n:07d}" for n in range(1, self.people + 1)]
        now = datetime.now(UTC)
        with writing(self.engine) as connection:
            zone = contact.zone_ids(connection, {builders.ZONE})[builders.ZONE]
            persons, phones, leads = [], [], []
            for number in numbers:
                who, phone = new_id(), new_id()
                persons.append({"id": who, "key": f"id:{who}", "groups": [], "created_at": now})
                phones.append({"person_id": who, "id": phone, "e164": number, "position": 1})
                common = {
                    "person_id": who,
                    "phone_id": phone,
                    "key": str(who),
                    "zone_id": zone,
                    "due_at": now,
                }
                common |= {"role": Role.DEBTOR, "variables": {}, "clips": [["ab" * 32, 900]]}
                leads += [
                    common | {"id": new_id(), "campaign_id": row.id, "state": LeadState.PENDING}
                    for row in rows
                ]
            connection.execute(contact.person.insert(), persons)
            connection.execute(contact.phone.insert(), phones)
            connection.execute(campaigns.lead.insert(), leads)

    def _place(self, name: str) -> One:
        folder = self.folder / name
        folder.mkdir(parents=True)
        written = CONFIG.format(folder=folder, database=self.database, name=name, day=DAY, gap=GAP_S)
        for node, channels in self.nodes.items():
            port = self.carrier.ports[node]
            written += NODE.format(name=node, port=port, secret=SECRET, channels=channels)
        for trunk, (cps, channels) in self.trunks.items():
            written += TRUNK.format(name=trunk, cps=cps, channels=channels)
        config = folder / "zvonar.toml"
        config.write_text(written)
        return One(name, config, folder / "log")

    # Lives and deaths.

    def start(self, one: One, failpoint: str = "") -> None:
        """Start a dialer."""
        arguments = ["--config", str(one.config), "serve", "dialer"]
        one.born = time.time()
        one.pid = self.nursery.start(arguments, one.log, failpoint)

    def kill(self, one: One) -> None:
        """SIGKILL."""
        self.nursery.signal(one.pid, signal.SIGKILL)
        self.died(one, 20)

    def died(self, one: One, seconds: float) -> int | None:
        """Wait for its death, and write it down; None: it lives on."""
        status = self.nursery.wait(one.pid, seconds)
        if status is not None:
            in_flight = self.open_attempts(one.name) if status == -signal.SIGKILL else 0
            self.lives.append(Life(one.name, one.born, time.time(), in_flight, status))
            one.pid = 0
        return status

    def stop(self, one: One, seconds: float = 60) -> int | None:
        """SIGTERM; how it ended."""
        self.nursery.signal(one.pid, signal.SIGTERM)
        return self.died(one, seconds)

    # What there is.

    def ask(self, query: Any) -> list[Any]:
        """Rows of the database."""
        with reading(self.engine) as connection:
            return list(connection.execute(query))

    def open_attempts(self, name: str = "") -> int:
        """Attempts without an end, of one dialer or of all."""
        query = select(func.count()).where(calls.attempt.c.ended_at.is_(None))
        query = query.where(calls.attempt.c.dialer == name) if name else query
        return int(self.ask(query)[0][0])

    def attempts(self) -> int:
        """Attempts that went out."""
        return int(self.ask(select(func.count(calls.attempt.c.sent_at)))[0][0])

    def due(self) -> int:
        """Leads that are to be called, now or soon."""
        soon = func.now() + text("interval '1 minute'")
        lead = campaigns.lead
        query = select(func.count()).where(lead.c.state == LeadState.PENDING, lead.c.due_at < soon)
        return int(self.ask(query)[0][0])

    def until(self, holds: Any, seconds: float) -> bool:
        """Wait for it; False: in vain."""
        ends = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > ends:
                return False
            time.sleep(0.1)
        return True

    # The end.

    def pause(self) -> None:
        """Nothing new is to be dialled."""
        with writing(self.engine) as connection:
            connection.execute(update(campaigns.campaign).values(state=CampaignState.PAUSED))

    def quiet(self) -> bool:
        """Let every attempt come to its end."""
        return self.until(lambda: self.open_attempts() == 0, QUIET_S)

    def judge(self) -> Judgement:
        """What the carrier's log and the tables say, when all is over."""
        phone, attempt, lead = contact.phone, calls.attempt, campaigns.lead
        columns = (attempt.c.id, phone.c.e164, attempt.c.campaign_id, attempt.c.outcome, attempt.c.refund)
        rows = self.ask(
            select(*columns, attempt.c.prepared_at, attempt.c.ended_at).join(
                phone, (phone.c.person_id == attempt.c.person_id) & (phone.c.id == attempt.c.phone_id)
            )
        )
        attempts = {
            str(row.id): Row(
                row.e164,
                self._named[str(row.campaign_id)],
                row.outcome,
                row.prepared_at.timestamp(),
                row.ended_at is not None,
                row.outcome == "cancelled" and row.refund,
            )
            for row in rows
        }
        living = [Life(one.name, one.born, time.time()) for one in self.all if one.pid]
        leads = self.ask(select(lead.c.id, lead.c.state, lead.c.outcome))
        seen = Evidence(self.carrier.placed, self.carrier.again, attempts, leads, [*self.lives, *living])
        channels = {name: cap for name, (_cps, cap) in self.trunks.items()} | self.nodes | self.campaigns
        limits = Limits(channels, {name: cps for name, (cps, _cap) in self.trunks.items()}, DAY, GAP_S)
        found = judge(seen, limits)
        found.must(len(leads) == self.people * len(self.campaigns), "leads are gone")
        shares, dialers = self.ask(select(dialer.share)), self.ask(select(dialer.dialer))
        most = self.dialers * (len(self.trunks) + len(self.nodes) + len(self.campaigns))
        found.must(len(shares) <= most, f"{len(shares)} shares of {most} that there can be")
        found.must(len(dialers) <= self.dialers, f"{len(dialers)} dialers are written down")
        found.figures["shares left"] = len(shares)
        return found


def told(found: Judgement) -> str:
    """The figures on one line."""
    return json.dumps(found.figures, ensure_ascii=False)
