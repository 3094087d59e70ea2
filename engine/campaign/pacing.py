"""How fast: a smooth rate as a pure value (the generic cell rate algorithm).

A pace of 5 a second lets one call through every 200 ms, not five at the start of each second. `slack_s` is
how much of a delay (a busy loop, a slow database) may be made up for by calls close together.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Pace:
    """`rate` calls a second; `due` is the moment (seconds, monotonic) that the next call is due."""

    rate: float
    due: float = 0.0
    slack_s: float = 0.1

    def ready(self, now: float) -> bool:
        """May one more call go out now?"""
        return now >= self.due

    def spend(self, now: float) -> "Pace":
        """The pace after a call at `now`."""
        return replace(self, due=max(self.due, now - self.slack_s) + 1 / self.rate)

    def at_rate(self, rate: float) -> "Pace":
        """The same pace under a changed limit."""
        return self if rate == self.rate else replace(self, rate=rate)


@dataclass(frozen=True, slots=True)
class Room:
    """What a trunk or a campaign has room for: `used` of `channels`, and its pace."""

    pace: Pace
    channels: int
    used: int = 0

    def ready(self, now: float) -> bool:
        """Is there both a channel and a turn?"""
        return self.used < self.channels and self.pace.ready(now)

    def take(self, now: float) -> "Room":
        """One call more."""
        return replace(self, pace=self.pace.spend(now), used=self.used + 1)

    def used_more(self, change: int) -> "Room":
        """So many channels more (or fewer) are in use."""
        return replace(self, used=max(0, self.used + change))

    def limited(self, rate: float, channels: int) -> "Room":
        """The same room under changed limits; calls under way go on."""
        return replace(self, pace=self.pace.at_rate(rate), channels=channels)
