"""How many calls to place for operators, as a pure step: one call a free operator, or ahead of them.

| pacing | calls to place |
|---|---|
| fill | as many as there are channels: nobody waits for an operator |
| progressive | one a free operator, less those under way: nobody answers in vain unless an operator leaves |
| predictive | one more, as long as the chance that its answer would find nobody free is at most the `risk` |

The chance comes from estimates: how often people answer, how soon, how long those who do not are waited for,
how long an operator is taken. Each call under way counts by its age (who has not answered for 30 s hardly
will), each busy operator by the chance that he is free by the time of an answer. Estimates begin at a prior
and weigh an old call less; without news they go back to the prior.

The risk is led by what comes of it: a served answer raises it a little, an abandoned one lowers it much, so
that they balance where the share of abandoned calls is `AIM` of what the campaign allows. That needs no true
model, only calls. Beyond the allowed share there is no risk at all: progressive, until it is kept again.

The share is of answered calls and at most 3 % over a day by the rules (Ofcom until 2017; FCC, 47 CFR
64.1200(a)(7), and FTC, 16 CFR 310.4(b)(4)); a call is abandoned when no operator took it within 2 s of the
answer. Ours is over a sliding window of some hours, so that it holds in each part of a day.
"""

from dataclasses import dataclass, field, replace
from math import erfc, exp, sqrt

from storage.vocab import Pacing

AIM = 0.8  # of the allowed share: the rest is for what nobody can foresee
FIRST_RISK, LEAST_RISK, MOST_RISK = 0.03, 0.005, 0.3
GAIN = 0.25  # by how much of its logarithm one abandoned call lowers the risk
WINDOW_S = 4 * 3600.0  # an answer counts for the share by 1/e after so long
STALE_S = 1800.0  # and an estimate for so much less when nothing comes
HOLD_S = 25.0  # who refuses does so at once, who answers takes his time: a loss counts when he would have
SEVERAL = 20  # calls a free or busy operator, at the most


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of the last values, some `memory` of them, that begins as `prior` with some weight."""

    prior: float
    memory: float = 100.0
    weight: float = 10.0
    sum_: float = 0.0
    count: float = 0.0

    @property
    def value(self) -> float:
        """The mean as it stands."""
        return (self.prior * self.weight + self.sum_) / (self.weight + self.count)

    def seen(self, *values: float) -> "Mean":
        """The mean after these values."""
        mean, kept = self, 1 - 1 / self.memory
        for value in values:
            mean = replace(mean, sum_=mean.sum_ * kept + value, count=mean.count * kept + 1)
        return mean

    def aged(self, dt: float) -> "Mean":
        """The same after `dt` seconds."""
        kept = exp(-dt / STALE_S)
        return replace(self, sum_=self.sum_ * kept, count=self.count * kept)


@dataclass(frozen=True, slots=True)
class Observed:
    """What is true now, and what came about since the last step. Seconds.

    Now: `channels` free for the campaign's calls; operators that are `free` to be rung and `busy` with a call
    or after it; callees who answered and are `waiting` for one; `ringing`, the ages of calls placed and not
    answered. Since: `answers`, from sending to answer; `losses`, from sending to an end without answer;
    `talks`, how long operators were busy who are no more; `abandoned` calls (each is among the answers too).
    """

    channels: int
    free: int = 0
    busy: int = 0
    waiting: int = 0
    ringing: tuple[float, ...] = ()
    answers: tuple[float, ...] = ()
    losses: tuple[float, ...] = ()
    talks: tuple[float, ...] = ()
    abandoned: int = 0


@dataclass(frozen=True, slots=True)
class State:
    """What the pacing of one campaign knows. `abandon` is the share of answered calls that it may lose."""

    pacing: Pacing
    abandon: float = 0.03
    risk: float = FIRST_RISK
    answered: float = 0.0
    abandoned: float = 0.0
    held: tuple[tuple[float, float], ...] = ()  # losses that do not count yet: (for how long, what they took)
    # Careful priors: many answer, and soon; talks are long.
    rate: Mean = field(default=Mean(0.6))
    answer_s: Mean = field(default=Mean(8.0))
    loss_s: Mean = field(default=Mean(25.0))
    talk_s: Mean = field(default=Mean(120.0))

    @property
    def share(self) -> float:
        """Abandoned calls of answered ones, within the window."""
        return self.abandoned / self.answered if self.answered > 0 else 0.0


def step(state: State, observed: Observed, dt: float) -> tuple[State, int]:
    """The state `dt` seconds on with what was observed, and how many calls to place now."""
    state = _learned(state, observed, dt)
    if state.pacing is Pacing.FILL:
        return state, max(0, observed.channels)
    operators = observed.free + observed.busy
    wanted = observed.free - observed.waiting - len(observed.ringing)
    if state.pacing is Pacing.PREDICTIVE and operators and state.share <= state.abandon:
        most = SEVERAL * operators - len(observed.ringing)
        wanted = max(wanted, min(most, _ahead(state, observed)))
    return state, max(0, min(wanted, observed.channels))


def _learned(state: State, observed: Observed, dt: float) -> State:
    kept = exp(-dt / WINDOW_S)
    answers, abandoned = len(observed.answers), observed.abandoned
    lowered = GAIN * (AIM * state.abandon * answers - abandoned)
    held = [(left - dt, took) for left, took in state.held]
    held += [(HOLD_S - took, took) for took in observed.losses]
    losses = [took for left, took in held if left <= 0]
    return replace(
        state,
        risk=min(MOST_RISK, max(LEAST_RISK, state.risk * exp(lowered))),
        answered=state.answered * kept + answers,
        abandoned=state.abandoned * kept + abandoned,
        held=tuple(one for one in held if one[0] > 0),
        rate=state.rate.aged(dt).seen(*[0.0] * len(losses), *[1.0] * answers),
        answer_s=state.answer_s.aged(dt).seen(*observed.answers),
        loss_s=state.loss_s.aged(dt).seen(*losses),
        talk_s=state.talk_s.aged(dt).seen(*observed.talks),
    )


def _ahead(state: State, observed: Observed) -> int:
    """How many calls more until the next one's answer would find nobody free, by more than the risk."""
    soon, late = max(state.answer_s.value, 0.5), max(state.loss_s.value, 0.5)
    rate = state.rate.value
    coming = [_answers(rate, soon, late, age) for age in observed.ringing]
    freed = 1 - exp(-soon / max(state.talk_s.value, 1.0))  # he is free by then: a talk knows no age
    mean = sum(coming) + observed.waiting - observed.free - observed.busy * freed
    variance = sum(one * (1 - one) for one in coming) + observed.busy * freed * (1 - freed)
    calls = 0
    while calls < observed.channels and _chance(mean, variance) <= state.risk:
        calls, mean, variance = calls + 1, mean + rate, variance + rate * (1 - rate)
    return calls


def _answers(rate: float, soon: float, late: float, age: float) -> float:
    """The chance that a call of this age will still be answered: answers come at `soon`, losses at `late`."""
    still, lost = rate * exp(-age / soon), (1 - rate) * exp(-age / late)
    return still / (still + lost) if still + lost > 0 else 0.0


def _chance(mean: float, variance: float) -> float:
    """The chance that at least as many answer as are free (`mean`: how many more), as of a normal sum."""
    if variance <= 0:
        return float(mean >= 0)
    return erfc((-0.5 - mean) / sqrt(2 * variance)) / 2
