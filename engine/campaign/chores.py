"""What is done beside dialling, in a thread each: audio of leads to come, who still owes, at which hours
people answer. The beat never waits for it.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass

from engine import telemetry
from engine.errors import Unreachable, UsageError, VoiceError
from storage.campaign import CampaignRow
from storage.db import DOWN

IDLE_S = 1.0
TROUBLE_S = 10.0

log = telemetry.logger("dialer")


@dataclass(frozen=True, slots=True)
class Habit:
    """Something done every so often, whatever runs."""

    name: str
    step: Callable[[], object]
    every_s: float

    async def run(self, _running: Callable[[], list[CampaignRow]]) -> None:
        """Time after time, until cancelled."""
        loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1, self.name)
        try:
            while True:
                with suppress(*DOWN):  # the beat tells
                    await loop.run_in_executor(thread, self.step)
                await asyncio.sleep(self.every_s)
        finally:
            thread.shutdown(cancel_futures=True)


@dataclass(frozen=True, slots=True)
class Chore:
    """`step` does a piece for one campaign and says how many leads it got through; `trouble` is what is
    logged when it cannot.
    """

    name: str
    step: Callable[[CampaignRow], int]
    trouble: str

    async def run(self, running: Callable[[], list[CampaignRow]]) -> None:
        """Piece after piece for the campaigns that are `running` at the time, until cancelled."""
        loop, thread = asyncio.get_running_loop(), ThreadPoolExecutor(1, self.name)
        try:
            while True:
                done, pause = 0, IDLE_S
                for campaign in running():
                    try:
                        done += await loop.run_in_executor(thread, self.step, campaign)
                    except (VoiceError, Unreachable, UsageError) as error:
                        log.error(self.trouble, campaign=campaign.name, reason=str(error))
                        pause = TROUBLE_S
                    except DOWN:
                        pause = TROUBLE_S  # the beat tells
                if not done:
                    await asyncio.sleep(pause)
        finally:
            thread.shutdown(cancel_futures=True)
