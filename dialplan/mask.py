"""A masked call: whom it is for, and how the caller hears that it came to nothing.

| verdict | what is done |
|---|---|
| Leg | his phones ring, one after another; a recorded call begins with saying so |
| Menu | which order? asked three times, then the call centre |
| AskCode | greeting, and the code of an order, three times; silence leads to the call centre |
| Centre | why, if it is not plain, and the call centre with the order's card |
| Crossed | told, and over: the other side's call must get through to him |
| CallBack | we rang him: he presses 1 before anybody else is dialled, for a voicemail does not |

A callee who is busy, silent or off is told to the caller, and to the other side by an event. When the order
went to another driver while the old one's phone rang, the client is led to the new one, the driver told.

`taken` is the other end: what the callee hears before they talk, and whether they still may. Pure.
"""

from dialplan.phrases import ORDERS, Mask
from dialplan.steps import Ask, Connect, Conversation, HungUp, LetGo, Lookup, PickUp, Play, Reach, Tell
from engine.masking.reached import end_of
from engine.masking.sheet import (
    Again,
    AskCode,
    CallBack,
    Centre,
    Chosen,
    Coded,
    Crossed,
    Dialling,
    Leg,
    MaskCall,
    Menu,
    Parted,
    Taken,
    Verdict,
)
from engine.speech.clip import Clip
from storage.vocab import MaskEnd, MaskRole, MaskRule

TRIES = 3
DIGITS = "0123456789"
LAST = "#"
MOST_DIGITS = 12
KEY_MS = 4000  # of silence after a digit, and the code is taken as given
CENTRE_S = 300
ASKED = 2  # whether he whom we rang wants the talk
AGAIN = 3  # drivers that one call may be led to
WHY = {  # the rule that led to the call centre, where that is not plain
    MaskRule.ORDER_FINISHED: Mask.FINISHED,
    MaskRule.ORDER_REASSIGNED: Mask.REASSIGNED,
    MaskRule.CALLS_AT_ONCE: Mask.REFUSED,
    MaskRule.CALLS_HOUR: Mask.REFUSED,
    MaskRule.PREFIX: Mask.REFUSED,
}
GONE = {MaskEnd.REASSIGNED: Mask.REASSIGNED, MaskEnd.CLOSED: Mask.FINISHED}  # while his phone rang
FAILED = {MaskEnd.BUSY: Mask.BUSY, MaskEnd.NO_ANSWER: Mask.NO_ANSWER, MaskEnd.OFF: Mask.OFF}


class _Masked:
    """How far the call has come."""

    def __init__(self, call: MaskCall) -> None:
        self.call = call
        self.greeted = False
        self.codes = 0
        self.reassigned = 0
        self.end = MaskEnd.ABANDONED  # what it is if he hangs up now

    def say(self, *names: str) -> tuple[Clip, ...]:
        """These phrases."""
        return tuple(self.call.phrases[name] for name in names)


def mask(call: MaskCall) -> Conversation[MaskEnd]:
    """Play one call; how it ended, also when the caller hangs up."""
    so_far = _Masked(call)
    try:
        verdict: Verdict | MaskEnd = call.verdict
        while not isinstance(verdict, MaskEnd):
            verdict = yield from _next(so_far, verdict)
        return verdict
    except HungUp:
        return so_far.end


def taken(call: Taken) -> Conversation[bool]:
    """What the callee hears before they talk, or instead of it; do they talk now?"""
    say = call.phrases
    try:
        if call.end is not MaskEnd.NONE:
            yield Play((say[GONE[call.end]], say[Mask.GOODBYE]))
            yield LetGo()
            return False
        whisper = Mask.FROM_DRIVER if call.role is MaskRole.DRIVER else Mask.FROM_CLIENT
        names = ([whisper] if call.whisper else []) + ([Mask.RECORDED] if call.recorded else [])
        if names:
            yield Play(tuple(say[name] for name in names))
        return True
    except HungUp:
        return False


def _wanted(so_far: _Masked, role: MaskRole) -> Conversation[Verdict | MaskEnd]:
    """Is it a person who took our call, and does he want the talk? Then whom he reaches by now."""
    clips = so_far.say(Mask.BACK_TO_CLIENT if role is MaskRole.DRIVER else Mask.BACK_TO_DRIVER)
    for _ in range(ASKED):
        heard = yield Ask(clips, "1")
        if heard.key == "1":
            verdict: Verdict = yield Lookup(Again())
            return verdict
    return MaskEnd.ABANDONED


def _next(so_far: _Masked, verdict: Verdict) -> Conversation[Verdict | MaskEnd]:
    """One verdict carried out; the next one, or the end."""
    match verdict:
        case Leg():
            return (yield from _through(so_far, verdict))
        case Menu():
            return (yield from _chosen(so_far, verdict))
        case AskCode():
            return (yield from _coded(so_far, verdict))
        case Centre():
            return (yield from _centre(so_far, verdict.rule))
        case Crossed():
            yield PickUp()
            yield Play(so_far.say(Mask.CROSSED))
            return MaskEnd.CROSSED
        case CallBack(role):
            return (yield from _wanted(so_far, role))


def _through(so_far: _Masked, leg: Leg) -> Conversation[Verdict | MaskEnd]:
    """Ring his phones until one is taken."""
    if leg.record:
        yield PickUp()
        yield Play(so_far.say(Mask.RECORDED))
    end = MaskEnd.NONE
    for peer in leg.peers:
        end = yield from _rung(so_far, leg, peer)
        if end in GONE:
            return (yield from _gone(so_far, leg, end))
        if end is MaskEnd.TALKED:
            return end
    if end is MaskEnd.NONE:  # no trunk took it
        return Centre(MaskRule.NO_TRUNK)
    so_far.end = end
    yield PickUp()
    yield Play(so_far.say(FAILED.get(end, Mask.NO_ANSWER), *([Mask.TOLD] if so_far.call.told else [])))
    return end


def _rung(so_far: _Masked, leg: Leg, peer: str) -> Conversation[MaskEnd]:
    """Ring one phone, by the first trunk that does; NONE: none did."""
    end = MaskEnd.NONE
    for endpoint in leg.endpoints:
        yield Tell(Dialling(peer, endpoint))
        talk = leg.talk_s, leg.warn_s
        reached = yield Reach(peer, endpoint, leg.show, so_far.call.id, leg.ring_s, *talk, leg.record)
        end = end_of(reached.status, reached.cause, reached.after_s, leg.ring_s)
        if end is MaskEnd.TALKED:
            end = yield Lookup(Parted())
        if end is not MaskEnd.NONE:
            break
    return end


def _gone(so_far: _Masked, leg: Leg, end: MaskEnd) -> Conversation[Verdict | MaskEnd]:
    """The order was closed, or went to another driver, while the old one's phone rang."""
    so_far.end = end
    yield PickUp()
    yield Play(so_far.say(GONE[end]))
    so_far.reassigned += 1
    if leg.role is MaskRole.DRIVER or so_far.reassigned == AGAIN:
        return end
    verdict: Verdict = yield Lookup(Again())
    so_far.end = MaskEnd.ABANDONED  # of the new one's
    return verdict


def _chosen(so_far: _Masked, menu: Menu) -> Conversation[Verdict]:
    """Which of his orders?"""
    offered = ORDERS[: menu.orders]
    clips = so_far.say(*offered)
    yield PickUp()
    for _ in range(TRIES):
        heard = yield Ask(clips, DIGITS)
        if heard.key in (None, "0"):
            break
        verdict: Verdict = yield Lookup(Chosen(heard.key))
        if not isinstance(verdict, Menu):
            return verdict
        clips = so_far.say(Mask.NO_SUCH_KEY, *offered)
    return Centre(MaskRule.NO_CHOICE)


def _coded(so_far: _Masked, asked: AskCode) -> Conversation[Verdict]:
    """The code of his order, or silence."""
    yield PickUp()
    if so_far.codes == TRIES:
        yield Play(so_far.say(Mask.WRONG_CODE))
        return Centre(MaskRule.WRONG_CODES)
    first = [Mask.WRONG_CODE] if asked.wrong else [] if so_far.greeted else [Mask.GREETING]
    so_far.greeted = True
    digits = yield from _digits(so_far.say(*first, Mask.CODE))
    if not digits:
        return Centre(MaskRule.STRANGER)
    so_far.codes += 1
    verdict: Verdict = yield Lookup(Coded(digits))
    return verdict


def _digits(clips: tuple[Clip, ...]) -> Conversation[str]:
    """Digits up to #, or to silence."""
    given, wait_ms = "", 5000
    while len(given) < MOST_DIGITS:
        heard = yield Ask(clips, DIGITS + LAST, wait_ms)
        if heard.key in (None, LAST):
            break
        given, clips, wait_ms = given + heard.key, (), KEY_MS
    return given


def _centre(so_far: _Masked, rule: MaskRule) -> Conversation[MaskEnd]:
    """To the call centre, with the order's card."""
    call = so_far.call
    so_far.end = MaskEnd.CENTRE
    yield PickUp()
    why = WHY.get(rule)
    names = [] if so_far.greeted or why else [Mask.GREETING]
    names += [why] if why else []
    if not call.centre:
        yield Play(so_far.say(*names, Mask.CENTRE_BUSY))
        return MaskEnd.UNATTENDED
    yield Play(so_far.say(*names, Mask.TO_CENTRE))
    connected = yield Connect(call.centre, call.centre_endpoint, CENTRE_S, card=call.id, show=call.did)
    if connected.answered:
        return MaskEnd.CENTRE
    so_far.end = MaskEnd.UNATTENDED
    yield Play(so_far.say(Mask.CENTRE_BUSY))
    return MaskEnd.UNATTENDED
