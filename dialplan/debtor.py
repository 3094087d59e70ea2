"""The debtor's conversation: who calls and that it is a robot, his message, then what he wants.

His template says which key does what (engine.speech.keys); only what can be done is offered.

| action | meaning | outcome |
|---|---|---|
| operator | talk to an operator (offered when there is one) | answered-operator, once they talk |
| repeat | hear the message again, three times at the most | |
| paid | already paid | answered-paid-claim |
| promise | four digits of a day by which he pays, confirmed by 1 | answered-promise |
| later | call me back (offered when that can be promised): two digits of the hour | as heard |
| opt-out | never call me again: blacklisted at once, then confirmed | answered-opt-out |
| no key, twice | good-bye | answered-heard |

A key that is not offered is told to be none, once, and the menu comes again. The key of `opt-out` counts
wherever it is not a digit of what was asked for.

A campaign that calls for its operators (`manned`) leads him to them at once. No operator within 2 s of his
answer: that is told (the call is abandoned), and his message plays as above. An answering machine hears what
its campaign has for it (`Words.machine`): outcome machine.

Keys work from the first second. A hang-up ends with what had been reached: the message heard to its end is
answered-heard, less of it answered-partial. Pure: a generator over steps.
"""

from dataclasses import dataclass

from dialplan.days import day_named
from dialplan.phrases import DAYS, HOURS, MONTHS, Debtor, Later, Promise
from dialplan.steps import Ask, Connect, Conversation, Heard, HungUp, Play, Quiet, Tell
from engine.campaign.attempts import NO_DAY, NO_HOUR, Talk
from engine.campaign.sheet import DebtorCall
from engine.speech.clip import Clip
from storage.vocab import Action, Amd, Outcome

REPEATS = 3
TRIES = 4  # at a day: a wrong one is asked for again, three times
DIGITS = "0123456789"
ANY = DIGITS + "*#"
YES, NO = "1", "2"
PRESSED = 32  # keys that are kept of a call
AT_ONCE_S = 2  # from the answer to an operator or the message, as the rules on abandoned calls ask
BEEP = Quiet(ms=1500, timeout_s=30)  # a machine's greeting and its beep are over


@dataclass(frozen=True, slots=True)
class OptOut:
    """The fact that this person never wants to be called again."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The fact that he answered a call that was meant for an operator, and none was there in time."""


class _Refused(Exception):
    """He pressed the key that ends all calls while he was asked for something else."""


class _Telling:
    """What has been reached so far in this talk."""

    def __init__(self, call: DebtorCall) -> None:
        self.call = call
        self.actions = {key.press: key.action for key in call.keys}
        self.refusal = next((key.press for key in call.keys if key.action is Action.OPT_OUT), "")
        self.total_ms = sum(clip.ms for clip in call.words.message)
        self.before_ms = 0  # of other audio ahead of the message in the step under way
        self.in_message = False
        self.heard_ms = 0
        self.pressed = ""
        self.reached: Outcome | None = None
        self.hour, self.day = NO_HOUR, NO_DAY

    def say(self, *names: str) -> tuple[Clip, ...]:
        """These phrases, in his language."""
        return tuple(self.call.words.phrases[name] for name in names)

    def listened(self, ms: int) -> None:
        """`ms` of the step under way were heard."""
        if self.in_message:
            self.heard_ms = min(self.total_ms, max(self.heard_ms, ms - self.before_ms))

    def talk(self) -> Talk:
        """The result as it stands."""
        plain = Outcome.ANSWERED_HEARD if self.heard_ms >= self.total_ms else Outcome.ANSWERED_PARTIAL
        keys = self.pressed[:PRESSED]
        outcome = self.reached or plain
        return Talk(outcome, self.heard_ms, self.total_ms, keys, self.hour, self.day, self._fragments())

    def _fragments(self) -> str:
        """Those of the message that were heard to their end."""
        at, ends = 0, dict[str, int]()
        for clip in self.call.words.message:
            at += clip.ms
            ends[clip.part] = at
        return ",".join(part for part, end in ends.items() if part and end <= self.heard_ms)


def debtor(call: DebtorCall, amd: Amd = Amd.NONE) -> Conversation[Talk]:
    """Play one call that was answered by what `amd` says; returns its Talk, also when the callee hangs up."""
    so_far = _Telling(call)
    try:
        if amd is Amd.MACHINE and call.words.machine is not None:
            yield from _to_a_machine(so_far, call.words.machine)
        elif not (call.manned and (yield from _taken_at_once(so_far))):
            yield from _told(so_far)
    except HungUp as hang_up:
        so_far.listened(hang_up.ms)
    return so_far.talk()


def _to_a_machine(so_far: _Telling, clips: tuple[Clip, ...]) -> Conversation[None]:
    """Leave what is for it after its beep, or nothing."""
    so_far.reached = Outcome.MACHINE
    if clips:
        yield BEEP
        yield Play(clips)


def _taken_at_once(so_far: _Telling) -> Conversation[bool]:
    """Lead him to the operators; False: nobody was there in time, which is told."""
    connected = yield Connect(so_far.call.operator, so_far.call.endpoint, AT_ONCE_S)
    if connected.answered:
        so_far.reached = Outcome.ANSWERED_OPERATOR
    else:
        yield Tell(Abandoned())
    return bool(connected.answered)


def _told(so_far: _Telling) -> Conversation[None]:
    """Introduction and message, then his wishes until one of them ends the call."""
    try:
        wish = yield from _wished(so_far)
    except _Refused:
        wish = Action.OPT_OUT
    yield from _part(so_far, wish)


def _wished(so_far: _Telling) -> Conversation[Action | None]:
    """What he wants at last; None: nothing more."""
    first = Debtor.CALLED_BACK if so_far.call.inbound else Debtor.ROBOT
    intro = so_far.say(first, Debtor.RECORDED) if so_far.call.recorded else so_far.say(first)
    wish = yield from _message(so_far, intro)
    named = {Action.LATER: _named_hour, Action.PROMISE: _named_day}
    for left in reversed(range(REPEATS + 1)):
        wish = wish or (yield from _chosen(so_far))
        if wish in named:
            if (yield from named[wish](so_far)):
                return wish
            wish = None
        elif wish is not Action.REPEAT or not left:
            return wish
        else:
            wish = yield from _message(so_far, ())
    return None


def _message(so_far: _Telling, before: tuple[Clip, ...]) -> Conversation[Action | None]:
    """Play the message (after `before`); what the key that stopped it does."""
    so_far.before_ms = sum(clip.ms for clip in before)
    so_far.in_message = True
    heard: Heard = yield Play((*before, *so_far.call.words.message), "".join(so_far.actions))
    so_far.listened(heard.ms)
    so_far.in_message = False
    so_far.pressed += heard.key or ""
    return so_far.actions.get(heard.key or "")


def _chosen(so_far: _Telling) -> Conversation[Action | None]:
    """What he chooses from the menu, which comes a second time after silence or a key that does nothing."""
    clips: tuple[Clip, ...] = (so_far.call.menu,)
    for _ in range(2):
        key = yield from _asked(so_far, clips, ANY)
        if key in so_far.actions:
            return so_far.actions[key]
        if key is not None:
            clips = (*so_far.say(Debtor.NO_SUCH_KEY), so_far.call.menu)
    return None


def _asked(so_far: _Telling, clips: tuple[Clip, ...], keys: str) -> Conversation[str | None]:
    """Ask for one of these keys; _Refused for the one that ends all calls, where it is none of them."""
    heard: Heard = yield Ask(clips, keys if so_far.refusal in keys else keys + so_far.refusal)
    so_far.pressed += heard.key or ""
    if heard.key is not None and heard.key not in keys:
        raise _Refused
    return heard.key


def _digits(so_far: _Telling, clips: tuple[Clip, ...], count: int) -> Conversation[str]:
    """Ask for so many digits; fewer when he falls silent."""
    named = ""
    while len(named) < count:
        digit = yield from _asked(so_far, clips, DIGITS)
        if digit is None:
            break
        named, clips = named + digit, ()
    return named


def _named_hour(so_far: _Telling) -> Conversation[bool]:
    """Ask for an hour of the day; False: he named none, which is told."""
    named = yield from _digits(so_far, so_far.say(Later.WHICH_HOUR), 2)
    if len(named) == 2 and int(named) < len(HOURS):
        so_far.hour = int(named)  # promised, even if he is gone by now
        return True
    yield Play(so_far.say(Later.NO_HOUR))
    return False


def _named_day(so_far: _Telling) -> Conversation[bool]:
    """Ask for the day by which he pays, and read it back; False: he named none, which is told."""
    clips = so_far.say(Promise.WHICH_DAY)
    for _ in range(TRIES):
        named = yield from _digits(so_far, clips, 4)
        day = day_named(named, so_far.call.today, so_far.call.promise_days)
        clips = so_far.say(Promise.NO_DAY, Promise.WHICH_DAY)
        if not named:
            break
        if day is not None:
            said = so_far.say(Promise.YOU_PROMISE, DAYS[day.day - 1], MONTHS[day.month - 1], Promise.IF_RIGHT)
            if (yield from _asked(so_far, said, YES + NO)) == YES:
                so_far.reached, so_far.day = Outcome.ANSWERED_PROMISE, day
                return True
            clips = so_far.say(Promise.WHICH_DAY)
    yield Play(so_far.say(Promise.NO_DAY))
    return False


def _part(so_far: _Telling, wish: Action | None) -> Conversation[None]:
    """Do what he wants at last, and part."""
    match wish:
        case Action.OPT_OUT:
            so_far.reached = Outcome.ANSWERED_OPT_OUT  # his wish counts, even if he is gone by now
            yield Tell(OptOut())
            yield Play(so_far.say(Debtor.OPTED_OUT))
        case Action.PAID:
            so_far.reached = Outcome.ANSWERED_PAID_CLAIM
            yield Play(so_far.say(Debtor.PAID))
        case Action.PROMISE:
            yield Play(so_far.say(Promise.PROMISED))
        case Action.LATER:
            yield Play(so_far.say(Later.CALL_BACK, HOURS[so_far.hour], Debtor.GOODBYE))
        case Action.OPERATOR:
            yield Play(so_far.say(Debtor.CONNECTING))
            connected = yield Connect(so_far.call.operator, so_far.call.endpoint)
            if connected.answered:
                so_far.reached = Outcome.ANSWERED_OPERATOR
            else:
                yield Play(so_far.say(Debtor.OPERATOR_BUSY))
        case _:
            yield Play(so_far.say(Debtor.GOODBYE))
