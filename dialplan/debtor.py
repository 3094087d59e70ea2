"""The debtor's conversation: who calls and that it is a robot, his message, then what he wants.

| key | meaning | outcome |
|---|---|---|
| 1 | talk to an operator (offered when there is one) | answered-operator, once they talk |
| 2 | hear the message again, three times at the most | |
| 3 | already paid | answered-paid-claim |
| 9 | never call me again: blacklisted at once, then confirmed | answered-opt-out |
| 5 | call me back (offered when that can be promised): two digits of the hour, confirmed | as heard |
| none | good-bye | answered-heard |

A campaign that calls for its operators (`manned`) leads him to them at once. No operator within 2 s of his
answer: that is told (the call is abandoned), and his message plays as above.

Keys work from the first second. A hang-up ends with what had been reached: the message heard to its end is
answered-heard, less of it answered-partial. Pure: a generator over steps.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from dialplan.phrases import HOURS, Debtor
from dialplan.steps import Ask, Connect, Conversation, Heard, HungUp, Play, Tell
from engine.campaign.attempts import NO_HOUR, Talk
from engine.speech.clip import Clip
from storage.vocab import Outcome

REPEATS = 3
DIGITS = "0123456789"
AT_ONCE_S = 2  # from the answer to an operator or the message, as the rules on abandoned calls ask


@dataclass(frozen=True, slots=True)
class OptOut:
    """The fact that this person never wants to be called again."""


@dataclass(frozen=True, slots=True)
class Abandoned:
    """The fact that he answered a call that was meant for an operator, and none was there in time."""


@dataclass(frozen=True, slots=True)
class DebtorCall:
    """All that the conversation needs: his message, the phrases, where an operator is ("" for none), and
    whether the call is recorded, which he is told before his message.

    `manned`: he is called for the operators. `later`: he may name an hour at which he is called back.
    """

    message: tuple[Clip, ...]
    phrases: Mapping[str, Clip]
    operator: str = ""
    endpoint: str = ""
    recorded: bool = False
    manned: bool = False
    later: bool = False


class _Telling:
    """What has been reached so far in this talk."""

    def __init__(self, call: DebtorCall) -> None:
        self.total_ms = sum(clip.ms for clip in call.message)
        self.before_ms = 0  # of other audio ahead of the message in the step under way
        self.in_message = False
        self.heard_ms = 0
        self.pressed = ""
        self.reached: Outcome | None = None
        self.hour = NO_HOUR

    def listened(self, ms: int) -> None:
        """`ms` of the step under way were heard."""
        if self.in_message:
            self.heard_ms = min(self.total_ms, max(self.heard_ms, ms - self.before_ms))

    def talk(self) -> Talk:
        """The result as it stands."""
        plain = Outcome.ANSWERED_HEARD if self.heard_ms >= self.total_ms else Outcome.ANSWERED_PARTIAL
        return Talk(self.reached or plain, self.heard_ms, self.total_ms, self.pressed, self.hour)


def debtor(call: DebtorCall) -> Conversation[Talk]:
    """Play one call; returns its Talk, also when the callee hangs up."""
    so_far = _Telling(call)
    try:
        if call.manned:
            connected = yield Connect(call.operator, call.endpoint, AT_ONCE_S)
            if connected.answered:
                so_far.reached = Outcome.ANSWERED_OPERATOR
                return so_far.talk()
            yield Tell(Abandoned())
        yield from _told(call, so_far)
    except HungUp as hang_up:
        so_far.listened(hang_up.ms)
    return so_far.talk()


def _told(call: DebtorCall, so_far: _Telling) -> Conversation[None]:
    """Introduction and message, then his wishes until one of them ends the call."""
    offered = ("1" if call.operator else "") + "23" + ("5" if call.later else "") + "9"
    menu: tuple[Clip, ...] = (call.phrases[Debtor.MENU if call.operator else Debtor.MENU_ALONE],)
    menu += (call.phrases[Debtor.LATER],) if call.later else ()
    told = (Debtor.ROBOT, Debtor.RECORDED) if call.recorded else (Debtor.ROBOT,)
    key = yield from _message(call, so_far, tuple(call.phrases[name] for name in told), offered)
    for left in reversed(range(REPEATS + 1)):
        if key is None:
            asked: Heard = yield Ask(menu, offered)
            key = asked.key
            so_far.pressed += key or ""
        if key == "5" and (yield from _named_hour(call, so_far)):
            return
        if key not in ("2", "5") or not left:
            break
        key = None if key == "5" else (yield from _message(call, so_far, (), offered))
    yield from _wish(call, so_far, key)


def _message(
    call: DebtorCall, so_far: _Telling, before: tuple[Clip, ...], offered: str
) -> Conversation[str | None]:
    """Play the message (after `before`); the key that stopped it."""
    so_far.before_ms = sum(clip.ms for clip in before)
    so_far.in_message = True
    heard: Heard = yield Play((*before, *call.message), offered)
    so_far.listened(heard.ms)
    so_far.in_message = False
    so_far.pressed += heard.key or ""
    return heard.key


def _named_hour(call: DebtorCall, so_far: _Telling) -> Conversation[bool]:
    """Ask for an hour of the day, two digits, and promise it; False: he named none, which is told."""
    named = ""
    clips: tuple[Clip, ...] = (call.phrases[Debtor.WHICH_HOUR],)
    while len(named) < 2:
        asked: Heard = yield Ask(clips, DIGITS)
        if asked.key is None:
            break
        named, clips = named + asked.key, ()
    so_far.pressed += named
    if len(named) < 2 or int(named) >= len(HOURS):
        yield Play((call.phrases[Debtor.NO_HOUR],))
        return False
    so_far.hour = int(named)  # promised, even if he is gone by now
    yield Play(
        (call.phrases[Debtor.CALL_BACK], call.phrases[HOURS[so_far.hour]], call.phrases[Debtor.GOODBYE])
    )
    return True


def _wish(call: DebtorCall, so_far: _Telling, key: str | None) -> Conversation[None]:
    """Do what the last key asks for, and part."""
    if key == "9":
        so_far.reached = Outcome.ANSWERED_OPT_OUT  # his wish counts, even if he is gone by now
        yield Tell(OptOut())
        yield Play((call.phrases[Debtor.OPTED_OUT],))
    elif key == "3":
        so_far.reached = Outcome.ANSWERED_PAID_CLAIM
        yield Play((call.phrases[Debtor.PAID],))
    elif key == "1":
        yield Play((call.phrases[Debtor.CONNECTING],))
        connected = yield Connect(call.operator, call.endpoint)
        if connected.answered:
            so_far.reached = Outcome.ANSWERED_OPERATOR
        else:
            yield Play((call.phrases[Debtor.OPERATOR_BUSY],))
    else:
        yield Play((call.phrases[Debtor.GOODBYE],))
