"""Zvonar for bench/dial.py: PostgreSQL, the two daemons, and one campaign of many leads under a law."""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from _audio import Listener
from _bare import CALL_S
from _meter import Meter, family, lags, memory_mb, p99
from _window import Window
from pydantic import SecretStr
from sqlalchemy import func, select

from engine import wiring
from engine.campaign.preparing import Preparer
from engine.campaign.service import Limits, Rules
from engine.settings import Settings
from engine.speech.keys import DEFAULT
from engine.speech.service import Speech
from engine.speech.shipped import spoken
from engine.speech.templates import Templates
from lab.kinds import number
from lab.ports import Ports
from lab.postgres import Postgres
from lab.shell import Shell
from lab.stand import Stand
from storage import calls, migrations
from storage import campaign as campaigns
from storage.db import id_at, open_engine, reading, writing
from storage.vocab import AttemptState, CampaignState, LeadState, Outcome

LAW = "ru-230fz-talk"
ZONES = ("Europe/Moscow", "Europe/Samara", "Asia/Yekaterinburg")
OPENING = 10  # o'clock in Moscow when the run begins: working hours in all three, on any day
SETTLE_S = 4  # at a rate before it is measured, so that calls of the former are over
REACH_S = 90  # within which the dialer's slow start comes to any rate
OURS = ("dialer", "fastagi", "postgresql")


def clock_shift() -> int:
    """Seconds from now to the next opening: the law is asked as in the morning."""
    now = datetime.now(UTC) + timedelta(hours=3)
    opens = now.replace(hour=OPENING, minute=0, second=0, microsecond=0)
    return round((opens - now).total_seconds()) % 86_400


class Ours:
    """Zvonar beside us; `window` dials at a rate."""

    def __init__(self, stand: Stand, postgres: Postgres, sound: Path, leads: int) -> None:
        self._stand, self._postgres = stand, postgres
        url = postgres.database()
        self._settings = stand.settings.model_copy(update={"database_url": SecretStr(url)})
        migrations.upgrade(open_engine(url))
        self._engine = wiring.database(self._settings)
        self._campaign = self._fill(self._settings, sound, leads)
        self._ports = Ports()
        self._metrics = f"127.0.0.1:{self._ports.take()}"
        shell = Shell(stand, url, ZVONAR_LOG__LEVEL="warning")
        self._daemons = {
            "fastagi": shell.serve("fastagi"),
            "dialer": shell.serve("dialer", "--metrics", self._metrics),
        }

    def _fill(self, settings: Settings, sound: Path, leads: int) -> Any:
        """A campaign of `leads` people whose messages are three recordings and whose phrases are short."""
        folder = self._stand.run_dir
        (folder / "bench.toml").write_text(
            "".join(f'[[fragment]]\nname = "part{n}"\nwav = "{sound}"\n' for n in range(3))
        )
        with (folder / "leads.csv").open("w") as file:
            file.write("phone,timezone\n")
            file.writelines(
                f"{number('hangs-up', serial, CALL_S)},{ZONES[serial % len(ZONES)]}\n"
                for serial in range(leads)
            )
        service = wiring.campaigns(settings)
        speech = Speech(self._engine, settings)
        written = Templates(self._engine, speech).set("bench", folder / "bench.toml", "bench")
        limits = Limits(cps=1, channels=settings.trunk[0].channels)
        campaign = service.create(
            "bench", "bench", [settings.trunk[0].name], limits, "bench", Rules(law=(LAW,))
        )
        service.fill("bench", folder / "leads.csv", "bench")
        short = [*next(iter(written.wavs.values())), ""]
        phrases = {"ru": dict.fromkeys(spoken("debtor", "ru", "", DEFAULT), short)}
        with writing(self._engine) as connection:
            campaigns.change(connection, campaign.id, settings.now(), phrases=phrases)
            campaign = campaigns.get(connection, campaign.id)
        preparer = Preparer(self._engine, speech, settings)
        while preparer.step(campaign):
            pass
        with self._engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("VACUUM ANALYZE")
        return campaign

    def window(self, rate: float, seconds: float) -> Window:
        """Dial at a rate for so long, wait until all of it is accounted for."""
        if self.left() < rate * (seconds + CALL_S + SETTLE_S):
            raise SystemExit(f"only {self.left()} leads are left: give more with --leads")
        self._at(rate)
        daemons = [*family(self._daemons["dialer"].pid), *family(self._daemons["fastagi"].pid)]
        memory = memory_mb(daemons)
        lag, begin = lags(self._metrics), self._settings.now()
        meter = Meter(self._processes())
        media = self._stand.node.node
        with Listener(self._stand.carrier.port, media.rtp_first, media.rtp_last) as listener:
            time.sleep(seconds)
            end = self._settings.now()
            cpu = meter.per_call(sum(self._count(begin, end).values()))
        late, grown = p99(lag, lags(self._metrics)), memory_mb(daemons) - memory
        deadline = time.monotonic() + CALL_S + 15
        while (came := self._count(begin, end)).get("", 0) and time.monotonic() < deadline:
            time.sleep(0.5)
        delays = sorted(listener.delays)
        return Window(
            rate=rate,
            seconds=seconds,
            made=sum(came.values()),
            heard=came.get(Outcome.ANSWERED_HEARD, 0),
            lost=came.get("", 0),
            cpu_ms=cpu,
            ours_ms=sum(cpu[name] for name in OURS),
            lag_s=late,
            audio_s=delays[int(len(delays) * 0.99)] if delays else None,
            sample=len(delays),
            grown_mb=grown,
        )

    def _processes(self) -> dict[str, int]:
        return {
            "asterisk": self._stand.node.pid,
            "sipp": self._stand.carrier.pid,
            "dialer": self._daemons["dialer"].pid,
            "fastagi": self._daemons["fastagi"].pid,
            "postgresql": self._postgres.pid,
        }

    def _at(self, rate: float) -> None:
        """Have it dial at a rate, and wait until it does: the dialer starts slowly."""
        now = self._settings.now()
        with writing(self._engine) as connection:
            campaigns.change(connection, self._campaign.id, now, cps=rate, state=CampaignState.RUNNING)
        deadline = time.monotonic() + REACH_S
        while time.monotonic() < deadline:
            time.sleep(2)
            now = self._settings.now()
            if sum(self._count(now - timedelta(seconds=2), now).values()) >= 0.9 * 2 * rate:
                break
        time.sleep(SETTLE_S)

    def _count(self, begin: datetime, end: datetime) -> dict[str, int]:
        """Outcome -> attempts of those prepared between two moments."""
        attempt = calls.attempt
        query = select(attempt.c.outcome, func.count()).where(  # ids are in order of time
            attempt.c.id >= id_at(begin), attempt.c.id < id_at(end), attempt.c.outcome != Outcome.CANCELLED
        )
        with reading(self._engine) as connection:
            return {row.outcome: row.count_1 for row in connection.execute(query.group_by(attempt.c.outcome))}

    def left(self) -> int:
        """Leads not dialled yet."""
        with reading(self._engine) as connection:
            return campaigns.lead_counts(connection, self._campaign.id).get(LeadState.PENDING, 0)

    def unaccounted(self) -> int:
        """Attempts that have no end when all is over."""
        with writing(self._engine) as connection:
            now = self._settings.now()
            campaigns.change(connection, self._campaign.id, now, state=CampaignState.PAUSED)
        time.sleep(CALL_S + 8)
        ends = (AttemptState.ENDED, AttemptState.UNKNOWN)
        query = select(func.count()).select_from(calls.attempt).where(calls.attempt.c.state.not_in(ends))
        with reading(self._engine) as connection:
            return connection.execute(query).scalar_one()

    def close(self) -> None:
        """End the daemons in the order of a shutdown."""
        for name in ("dialer", "fastagi"):
            self._daemons[name].stop(seconds=20)
        self._ports.close()
