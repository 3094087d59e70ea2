"""One call, move by move: the commands of each step, and every way in which a call can end."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from agi_client import AUDIO, Log

from dialplan.steps import Ask, Connect, Connected, Conversation, Heard, HungUp, Play, Quiet, Tell
from engine.speech.clip import Clip
from fastagi import session
from fastagi.protocol import RemoteError, Reply
from fastagi.routes import Call, Route, Scenario
from fastagi.session import Do, Free, Studio, Work

ONE, TWO = Clip("1a" * 32, 1000), Clip("2b" * 32, 2000)
FILE_ONE = f'STREAM FILE "{AUDIO}/1a/{ONE.name}"'
FILE_TWO = f'STREAM FILE "{AUDIO}/2b/{TWO.name}"'
GET, ALIVE, DONE = "GET VARIABLE", "CHANNEL STATUS", 'SET VARIABLE "AGI_DONE" "1"'
GONE = HungUp()
Answer = Reply | Exception


def call(environment: dict[str, str]) -> Call:
    """A call as it comes from the door."""
    return Call("debtor", "id-1", {}, environment, {})


class Played:
    """A conversation played against replies; what came of it, in order, is in `moves`.

    Each reply answers one command; an exception is thrown in instead. `finished` is what `finish` was given.
    """

    def __init__(
        self,
        conversation: Conversation[Any],
        *replies: Answer,
        tell: Callable[[Any], None] = lambda fact: None,
        environment: dict[str, str] | None = None,
        **route: Any,
    ) -> None:
        self.moves: list[str] = []
        self.patience: list[float] = []
        self.told: list[Any] = []
        self.finished: list[Any] = []
        self.opened: list[Call] = []

        def open_it(entered: Call) -> Scenario:
            self.opened.append(entered)
            return Scenario(conversation, finish=self.finished.append, tell=self._telling(tell))

        entered = call(environment or {})
        self._play(session.call(entered, Route(open_it, **route), Studio(AUDIO, 600)), iter(replies))

    def _telling(self, tell: Callable[[Any], None]) -> Callable[[Any], None]:
        def told(fact: Any) -> None:
            self.told.append(fact)
            tell(fact)

        return told

    def _play(self, moves: session.Moves, replies: Iterator[Answer]) -> None:
        try:
            move = next(moves)
            while True:
                answer = self._answer(move, replies)
                move = moves.throw(answer) if isinstance(answer, Exception) else moves.send(answer)
        except StopIteration:
            assert next(replies, None) is None, "a reply was left"

    def _answer(self, move: session.Move, replies: Iterator[Answer]) -> Any:
        if isinstance(move, Do):
            self.moves.append(move.command.decode().rstrip("\n"))
            self.patience.append(move.patience_s)
            return next(replies)
        if isinstance(move, Work):
            self.moves.append("work")
            try:
                return move.function(move.argument)
            except Exception as error:
                return error
        assert isinstance(move, Free)
        self.moves.append("free")
        return None


@pytest.fixture(autouse=True)
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    """What the session logs."""
    kept = Log()
    monkeypatch.setattr(session, "log", kept.logger)
    return kept


def saying(step: Any) -> Conversation[Any]:
    """A conversation of one step, whose result is the step's answer."""
    return (yield step)


def catching(*steps: Any) -> Conversation[Any]:
    """A conversation that returns the milliseconds of the step at which the caller hung up."""
    try:
        for step in steps:
            _heard = yield step
    except HungUp as hung_up:
        return hung_up.ms
    return "stayed"


def good(result: int = 0, endpos: int = 0, value: str = "") -> Reply:
    """A reply of 200."""
    return Reply(200, result, value, endpos)


# A call's frame.


def test_a_call_from_door_to_end() -> None:
    played = Played(saying(Play((ONE,))), good(1, value="att-7"), good(endpos=8000), good(), variables=("V",))
    assert played.opened[0].variables == {"V": "att-7"}
    assert played.moves == [f'{GET} "V"', "work", FILE_ONE + ' ""', DONE, "free"]
    assert played.finished == [Heard(None, 1000)]


def test_a_variable_that_the_dialplan_sent_along_is_not_asked_for() -> None:
    sent = {"agi_arg_1": "V=att-7"}
    played = Played(saying(Play((ONE,))), good(endpos=8000), good(), environment=sent, variables=("V",))
    assert played.opened[0].variables == {"V": "att-7"}
    assert played.moves == ["work", FILE_ONE + ' ""', DONE, "free"]


def test_a_variable_that_is_not_set_is_empty() -> None:
    played = Played(saying(Tell(1)), good(0), good(), variables=("V",))
    assert played.opened[0].variables == {"V": ""}


def test_a_call_that_comes_in_is_answered_first() -> None:
    assert Played(saying(Tell(1)), good(), good(), answer=True).moves[0] == "ANSWER"


def test_what_is_at_hand_need_not_be_opened() -> None:
    finished: list[Any] = []
    ready = Scenario(saying(Play((ONE,))), finish=finished.append, tell=print)
    played = Played(saying(Play(())), good(endpos=8000), good(), at_hand=lambda _call: ready)
    assert played.opened == []
    assert finished == [Heard(None, 1000)]


def test_what_is_not_at_hand_is_opened_in_the_pool() -> None:
    played = Played(saying(Play(())), good(), at_hand=lambda _call: None)
    assert len(played.opened) == 1


def test_where_there_is_nothing_to_say_the_dialplan_goes_on_by_itself() -> None:
    moves = session.call(call({}), Route(lambda _call: None), Studio(AUDIO, 600))
    work = next(moves)
    assert isinstance(work, Work) and work.function(work.argument) is None
    assert isinstance(moves.send(None), Free)
    with pytest.raises(StopIteration):
        moves.send(None)


# Steps.


def test_quiet_waits_for_silence_and_fails_where_asterisk_has_no_such_application(log: Log) -> None:
    quiet = Quiet(1500, 30)
    played = Played(saying(quiet), good(), good())
    assert played.moves[1:] == ['EXEC "WaitForSilence" "1500,1,30"', DONE, "free"]
    assert Played(saying(quiet), good(-2)).finished == [None]
    assert log.at("error")


def test_play_sends_the_next_clip_when_the_last_is_done() -> None:
    played = Played(saying(Play((ONE, TWO), "12")), good(endpos=8000), good(endpos=16000), good())
    assert played.moves[1:3] == [FILE_ONE + ' "12"', FILE_TWO + ' "12"']
    assert played.finished == [Heard(None, 3000)]


def test_play_stops_at_a_key() -> None:
    played = Played(saying(Play((ONE, TWO), "12")), good(ord("2"), endpos=4000), good())
    assert played.finished == [Heard("2", 500)]


def test_play_of_nothing() -> None:
    assert Played(saying(Play(())), good()).finished == [Heard(None, 0)]


def test_a_command_may_take_its_playing_time_and_fifteen_seconds() -> None:
    played = Played(saying(Ask((TWO,), "1", 3000)), good(), good(), good())
    assert played.patience == [17.0, pytest.approx(18.0, abs=0.1), 15.0]


def test_ask_takes_a_key_during_the_clips() -> None:
    played = Played(saying(Ask((ONE,), "1")), good(ord("1"), endpos=800), good())
    assert played.finished == [Heard("1", 100)]


def test_ask_waits_for_a_key_and_ignores_others() -> None:
    keys = [good(ord("5")), good(ord("#")), good(ord("9"))]
    played = Played(saying(Ask((ONE,), "19", 5000)), good(endpos=8000), *keys, good())
    assert played.finished == [Heard("9", 1000)]
    waits = [int(move.split('"')[1]) for move in played.moves if move.startswith("WAIT")]
    assert len(waits) == 3 and waits[0] <= 5000 and waits == sorted(waits, reverse=True)


def test_ask_ends_with_its_wait() -> None:
    assert Played(saying(Ask((), "1", 5000)), good(0), good()).finished == [Heard(None, 0)]


def test_ask_with_wrong_keys_all_the_time_ends_too(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(0, 100, 2))
    monkeypatch.setattr(session.time, "monotonic", lambda: float(next(now)))
    played = Played(saying(Ask((), "1", 5000)), good(ord("2")), good(ord("2")), good())
    assert played.finished == [Heard(None, 0)]


def test_tell_is_done_before_the_next_step() -> None:
    played = Played(catching(Tell("stop"), Play((ONE,))), good(endpos=8), good())
    assert played.told == ["stop"]
    assert played.moves[1:3] == ["work", FILE_ONE + ' ""']


@pytest.mark.parametrize(
    ("target", "command", "status", "value", "answered"),
    [
        ("78005553535", 'EXEC "Dial" "PJSIP/78005553535@trunk,30,', "DIALSTATUS", "ANSWER", True),
        ("78005553535", 'EXEC "Dial" "PJSIP/78005553535@trunk,30,', "DIALSTATUS", "NOANSWER", False),
        ("queue:night", 'EXEC "Queue" "night,cr,,,30,', "QUEUESTATUS", "CONTINUE", True),
        ("queue:night", 'EXEC "Queue" "night,cr,,,30,', "QUEUESTATUS", "TIMEOUT", False),
    ],
)
def test_connect(target: str, command: str, status: str, value: str, answered: bool) -> None:
    step = Connect(target, "trunk", 30)
    present = [good(1, value="2")] if target == "queue:night" else []
    played = Played(saying(step), *present, good(), good(1, value=value), good())
    moves, patience = played.moves[len(present) :], played.patience[len(present) :]
    assert moves[1].startswith(command)
    assert moves[2] == f'{GET} "{status}"'
    assert patience[0] == 15 + 30 + 600
    assert played.finished == [Connected(answered)]


def test_in_a_queue_without_operators_nobody_waits() -> None:
    played = Played(saying(Connect("queue:night")), good(1, value="0"), good())
    assert played.moves[1] == 'GET FULL VARIABLE "${QUEUE_MEMBER(night,logged)}"'
    assert not any(move.startswith("EXEC") for move in played.moves)
    assert played.finished == [Connected(answered=False)]


@pytest.mark.parametrize("target", ["queue:night", "78005553535"])
def test_a_card_goes_before_the_operator_who_is_told_of_it_as_he_is_rung(target: str) -> None:
    present = [good(1, value="1")] if target == "queue:night" else []
    step = Connect(target, "trunk", 30, card="card-1")
    played = Played(saying(step), good(), *present, good(), good(1, value="CONTINUE"), good())
    assert played.moves[1] == 'SET VARIABLE "__ZVONAR_CARD" "card-1"'
    (command,) = [move for move in played.moves if move.startswith("EXEC")]
    assert "b(zvonar-card^s^1)" in command and "zvonar-joined" not in command


# Hang-ups.


@pytest.mark.parametrize(
    ("replies", "ms"),
    [
        ((good(-1, endpos=4000), GONE), 500),  # the reply tells how far it came, then the line goes
        ((good(endpos=8000), GONE), 1000),  # cut without a reply
        ((good(endpos=8000), good(-1, endpos=8), GONE), 1001),
        ((GONE,), 0),
    ],
)
def test_a_hang_up_tells_what_was_heard(replies: tuple[Answer, ...], ms: int) -> None:
    played = Played(catching(Play((ONE, TWO))), *replies)
    assert played.finished == [ms]
    assert played.moves[-1] == "free" and DONE not in played.moves


@pytest.mark.parametrize("replies", [(GONE,), (good(-1), GONE)])
def test_a_hang_up_while_waiting_for_a_key(replies: tuple[Answer, ...]) -> None:
    assert Played(catching(Ask((ONE,), "1")), good(endpos=8000), *replies).finished == [1000]


@pytest.mark.parametrize(
    "replies", [(GONE,), (good(1, value="1"), GONE), (good(1, value="1"), good(-1), GONE)]
)
def test_a_hang_up_while_connecting(replies: tuple[Answer, ...]) -> None:
    assert Played(catching(Connect("queue:night")), *replies).finished == [0]


def test_a_hang_up_that_the_conversation_lets_pass(log: Log) -> None:
    played = Played(saying(Play((ONE,))), GONE)
    assert played.finished == [None]
    assert log.at("error") == []


def test_a_hang_up_before_the_conversation() -> None:
    with pytest.raises(HungUp):
        Played(saying(Play((ONE,))), GONE, variables=("V",))


def test_a_hang_up_at_the_last_command_loses_nothing(log: Log) -> None:
    assert Played(catching(Play((ONE,))), good(endpos=8000), GONE).finished == ["stayed"]
    assert log.at("error") == []


def test_a_conversation_may_not_go_on_after_the_hang_up(log: Log) -> None:
    def stubborn() -> Conversation[str]:
        try:
            yield Play((ONE,))
        except HungUp:
            yield Play((TWO,))
        return "never"

    played = Played(stubborn(), GONE)
    assert played.finished == [None] and FILE_TWO not in played.moves
    assert len(log.at("error")) == 1


# Faults.


def broken() -> Conversation[str]:
    """A conversation with a defect."""
    yield Play((ONE,))
    raise KeyError("defect")


def refuse(_fact: Any) -> None:
    """A `tell` that fails."""
    raise OSError("no database")


@pytest.mark.parametrize(
    ("conversation", "replies"),
    [
        (broken, (good(),)),
        (lambda: saying(Tell("x")), ()),
        (lambda: saying(Play((Clip("no-clip", 1),))), ()),
        (lambda: saying("no step"), ()),
        (lambda: saying(Play((ONE,))), (RemoteError("no reply in time"),)),
        (lambda: saying(Play((ONE,))), (good(-1), good(6))),  # no such file: the caller is still there
        (lambda: saying(Ask((), "1")), (good(-1), good(6))),
        (lambda: saying(Connect("1", "trunk")), (good(-2),)),  # Asterisk without app_dial
    ],
)
def test_a_fault_is_logged_once_and_leads_to_the_fallback(
    conversation: Callable[[], Conversation[Any]], replies: tuple[Answer, ...], log: Log
) -> None:
    played = Played(conversation(), *replies, tell=refuse)
    assert DONE not in played.moves
    assert played.moves[-1] == "free"
    assert played.finished == [None]
    assert len(log.at("error")) == 1


def test_a_fault_at_the_last_command_keeps_the_result(log: Log) -> None:
    assert Played(catching(Play((ONE,))), good(endpos=8000), RemoteError("510")).finished == ["stayed"]
    assert len(log.at("error")) == 1


def test_a_file_that_is_not_there_is_no_hang_up(log: Log) -> None:
    """Asterisk replies -1 to both; taken for a hang-up, the callee would be left in silence."""
    played = Played(catching(Play((ONE,))), good(-1), good(6))
    assert played.finished == [None] and ALIVE in played.moves
    assert ONE.name in str(log.at("error")[0]["exc_info"])


def test_a_log_never_holds_the_number_dialled(log: Log) -> None:
    Played(saying(Connect("79160000000", "trunk")), good(-2))
    assert "Dial" in repr(log.events)
    assert "79160000000" not in repr(log.events)
