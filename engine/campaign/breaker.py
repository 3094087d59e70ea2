"""When dialling stops by itself: a breaker for each trunk, and one for each campaign. Pure.

    closed --(over half of a trunk's last 50 calls failed, of 20 at least)--> open
      ^                                                                        | 30 s, each time in a row
      |                                                                        v twice as long, 10 min at most
      `---- 4 of them get through ---- trial: one call a second, 5 at a time --'
                                         `- 2 of them fail: open again

A trunk's call fails by congestion or by a fault of the trunk; it is well as soon as the phone rings. A call
whose end nobody saw, and one that we cancelled, say nothing.

A campaign is stopped for what its list or its caller ids are to blame for, not its trunk: over half of its
last 100 calls (50 at least) went to numbers that do not exist, were rejected, or ended in a way that means
nothing. It stays paused until an operator has looked.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from storage.vocab import Outcome

WINDOW, FEW, SHARE = 50, 20, 0.5
OPEN_S, LONGEST_S = 30.0, 600.0
TRIAL_CPS, TRIALS, WELL, ILL = 1.0, 5, 4, 2
KEPT = 10  # offending calls that are shown
CAMPAIGN_WINDOW, CAMPAIGN_FEW, CAMPAIGN_SHARE = 100, 50, 0.5

FAILED = frozenset({Outcome.CONGESTION, Outcome.TRUNK_FAULT})
SILENT = frozenset({Outcome.CANCELLED, Outcome.UNKNOWN})  # of a trunk they tell nothing
SUSPECT: Mapping[Outcome, Mapping[str, str]] = {
    Outcome.INVALID_NUMBER: {
        "ru": "{count} из последних {of} звонков: номер не существует",
        "en": "{count} of the last {of} calls: no such number",
    },
    Outcome.REJECTED: {
        "ru": "{count} из последних {of} звонков отклонены",
        "en": "{count} of the last {of} calls were rejected",
    },
    Outcome.UNKNOWN: {
        "ru": "{count} из последних {of} звонков: исход непонятен",
        "en": "{count} of the last {of} calls ended in a way that means nothing",
    },
}


class Position(StrEnum):
    """Where a trunk's breaker stands."""

    CLOSED = "closed"
    TRIAL = "trial"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Breaker:
    """A trunk's. `last`: (call, failed), the newest last; in a trial `trials` are calls not yet decided.

    `opened` times in a row; an opening ends `until` (seconds, monotonic). `offenders` opened it.
    """

    position: Position = Position.CLOSED
    last: tuple[tuple[UUID, bool], ...] = ()
    trials: frozenset[UUID] = frozenset()
    opened: int = 0
    until: float = 0.0
    offenders: tuple[UUID, ...] = ()

    def at(self, now: float) -> "Breaker":
        """An opening that is over becomes a trial; and so does a trial whose calls were never heard of."""
        lost = self.position is Position.TRIAL and now - self.until >= LONGEST_S
        if lost or (self.position is Position.OPEN and now >= self.until):
            until = now if lost else self.until
            return replace(self, position=Position.TRIAL, last=(), trials=frozenset(), until=until)
        return self

    @property
    def room(self) -> int | None:
        """How many more calls may be sent now; None: it sets no limit."""
        if self.position is Position.CLOSED:
            return None
        return TRIALS - len(self.trials) if self.position is Position.TRIAL else 0

    def sent(self, attempt: UUID) -> "Breaker":
        """A call went out; in a trial it is one of its own."""
        if self.position is not Position.TRIAL:
            return self
        return replace(self, trials=self.trials | {attempt})

    def heard(self, attempt: UUID, outcome: Outcome | None, now: float) -> "Breaker":
        """How a call went; None: the phone rings or was answered."""
        if self.position is Position.OPEN:
            return self  # it was sent before
        if self.position is Position.TRIAL and attempt not in self.trials:
            return self
        state = replace(self, trials=self.trials - {attempt})
        if outcome in SILENT:
            return state
        last = (*state.last, (attempt, outcome in FAILED))[-WINDOW:]
        failed = tuple(one for one, bad in last if bad)
        state = replace(state, last=last)
        if self.position is Position.CLOSED:
            storm = len(last) >= FEW and len(failed) > SHARE * len(last)
            return state._open(failed, now) if storm else state
        if len(failed) >= ILL:
            return state._open(failed, now)
        if len(last) - len(failed) >= WELL:
            return replace(state, position=Position.CLOSED, last=(), trials=frozenset())
        return state

    def _open(self, failed: tuple[UUID, ...], now: float) -> "Breaker":
        """Stop; a storm soon after another is the same one."""
        soon = self.opened > 0 and now - self.until < LONGEST_S
        opened = self.opened + 1 if soon else 1
        until = now + min(LONGEST_S, OPEN_S * 2.0 ** min(opened - 1, 16))
        offenders = (*self.offenders, *failed) if soon else failed
        return Breaker(Position.OPEN, (), frozenset(), opened, until, offenders[-KEPT:])


@dataclass(frozen=True, slots=True)
class Storm:
    """Why a campaign is to pause: `count` of its last `of` calls had one outcome; these `attempts` are it."""

    outcome: Outcome
    count: int
    of: int
    attempts: tuple[UUID, ...]

    def words(self, lang: str) -> str:
        """The same for an operator."""
        told = SUSPECT[self.outcome]
        return told.get(lang, told["en"]).format(count=self.count, of=self.of)


@dataclass(frozen=True, slots=True)
class CampaignBreaker:
    """A campaign's; `last`: (call, outcome), the newest last."""

    last: tuple[tuple[UUID, Outcome], ...] = ()

    def heard(self, ended: Iterable[tuple[UUID, Outcome]]) -> "CampaignBreaker":
        """Calls that ended. What a trunk did, and what we did, is not the campaign's."""
        own = [one for one in ended if one[1] not in FAILED and one[1] is not Outcome.CANCELLED]
        return CampaignBreaker((*self.last, *own)[-CAMPAIGN_WINDOW:]) if own else self

    @property
    def storm(self) -> Storm | None:
        """What it is to be paused for."""
        of = len(self.last)
        if of < CAMPAIGN_FEW:
            return None
        found = Counter(outcome for _attempt, outcome in self.last if outcome in SUSPECT)
        outcome, count = found.most_common(1)[0] if found else (Outcome.UNKNOWN, 0)
        if count <= CAMPAIGN_SHARE * of:
            return None
        theirs = tuple(attempt for attempt, theirs in self.last if theirs is outcome)
        return Storm(outcome, count, of, theirs)
