"""AGI without a socket: what Asterisk may send, what we may send, and what neither may."""

from itertools import pairwise

import pytest
from agi_client import ENVIRONMENT, environment
from hypothesis import given
from hypothesis import strategies as st

from fastagi import protocol
from fastagi.commands import ANSWER
from fastagi.protocol import Connection, Environment, Event, Hangup, LocalError, RemoteError, Reply


def connected() -> Connection:
    """A connection that has read its environment."""
    connection = Connection()
    connection.receive(environment())
    return connection


def asked() -> Connection:
    """A connection with a command under way."""
    connection = connected()
    connection.send(ANSWER)
    return connection


# The environment.


def test_environment_is_read() -> None:
    assert Connection().receive(environment()) == [Environment(ENVIRONMENT)]


def test_nothing_is_said_before_the_environment_ends() -> None:
    connection = Connection()
    assert connection.receive(environment()[:-1]) == []
    with pytest.raises(LocalError):
        connection.send(ANSWER)


def test_what_follows_the_environment_in_one_read_is_not_lost() -> None:
    assert Connection().receive(environment() + b"HANGUP\n")[1:] == [Hangup()]


def test_keys_up_to_the_limit_and_no_further() -> None:
    def of(count: int) -> bytes:
        return b"".join(b"agi_arg_%d: x\n" % number for number in range(count)) + b"\n"

    [event] = Connection().receive(of(protocol.ENVIRONMENT_KEYS))
    assert isinstance(event, Environment) and len(event.variables) == protocol.ENVIRONMENT_KEYS
    with pytest.raises(RemoteError):
        Connection().receive(of(protocol.ENVIRONMENT_KEYS + 1))


@pytest.mark.parametrize("chunk", [10_000, 100])
def test_an_environment_without_an_end_is_cut_off(chunk: int) -> None:
    connection = Connection()
    with pytest.raises(RemoteError):
        for _ in range(0, 10_000, chunk):
            connection.receive(b"agi_arg_1: " + b"x" * chunk)


@pytest.mark.parametrize(
    "line",
    [
        b"agi_network_script: other",  # a key of Asterisk's again, from the caller's name
        b"agi_dnid",
        b"",
        b"GET / HTTP/1.1\r",
        b"agi_arg_1: a\x00b",
        b"agi_arg_1: a\x1b[2Jb",
        b"agi_arg_1: a\x7fb",
    ],
)
def test_environment_that_is_none(line: bytes) -> None:
    with pytest.raises(RemoteError):
        Connection().receive(line + b"\n" + environment())


def test_a_name_cannot_end_the_environment_early() -> None:
    """The rest of the environment then stands where replies are expected."""
    with pytest.raises(RemoteError):
        Connection().receive(environment(agi_calleridname="x\n\n200 result=0"))


def test_a_name_cannot_add_a_key_that_asterisk_prints_later() -> None:
    with pytest.raises(RemoteError):
        Connection().receive(environment(agi_calleridname="x\nagi_arg_1: paid", agi_arg_1="unpaid"))


def test_text_that_is_not_utf8_survives_and_can_be_stored() -> None:
    data = environment(agi_calleridname="NAME").replace(b"NAME", b"\xcf\xf0\xe8\xe2\xe5\xf2")
    [event] = Connection().receive(data)
    assert isinstance(event, Environment)
    name = event.variables["agi_calleridname"]
    assert name.encode("latin-1").decode("cp1251") == "Привет"
    assert name.encode()


# Replies.


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"200 result=0", Reply(200)),
        (b"200 result=-1", Reply(200, -1)),
        (b"200 result=49 endpos=18400", Reply(200, 49, "", 18400)),
        (b"200 result=-1 endpos=160", Reply(200, -1, "", 160)),
        (b"200 result=1 (ANSWER)", Reply(200, 1, "ANSWER")),
        (b"200 result=1 (a (b) c) d)", Reply(200, 1, "a (b) c) d")),
        (b"200 result=1 (x endpos=7)", Reply(200, 1, "x endpos=7")),
        (b"200 result=0 (timeout) endpos=8000", Reply(200, 0, "timeout", 8000)),
        (b"200 result=1 ()", Reply(200, 1, "")),
        ("200 result=1 (привет)".encode(), Reply(200, 1, "привет")),
        (b"200 result=1 (\xff)", Reply(200, 1, "ÿ")),
        (b"510 Invalid or unknown command", Reply(510)),
        (b"511 Command Not Permitted on a dead channel or intercept routine", Reply(511)),
        (b"520 Invalid command syntax.  Proper usage not available.", Reply(520)),
    ],
)
def test_replies(line: bytes, reply: Reply) -> None:
    connection = asked()
    assert connection.receive(line + b"\n") == [reply]
    assert connection.send(ANSWER)


def test_100_is_not_the_reply() -> None:
    connection = asked()
    assert connection.receive(b"100 result=0 Trying...\n") == []
    assert connection.receive(b"200 result=0\n") == [Reply(200)]


def test_520_of_many_lines_is_one_reply() -> None:
    """A client that takes one line for the usage reads the rest as replies, every one off by some."""
    connection = asked()
    usage = b"520-Invalid command syntax.  Proper usage follows:\nUsage: ANSWER\n\tHANGUP\n200 result=0\n"
    assert connection.receive(usage) == []
    assert connection.receive(b"520 End of proper usage.\n") == [Reply(520)]
    connection.send(ANSWER)
    assert connection.receive(b"200 result=0\n") == [Reply(200)]


def test_520_without_an_end_is_cut_off() -> None:
    with pytest.raises(RemoteError):
        asked().receive(b"520-Invalid\n" + b"and so on\n" * (protocol.USAGE_LINES + 1))


def test_hangup_before_the_reply_is_no_reply() -> None:
    """Taken for one, it would put every later reply off by one."""
    connection = asked()
    assert connection.receive(b"HANGUP\n") == [Hangup()]
    with pytest.raises(LocalError):
        connection.send(ANSWER)
    assert connection.receive(b"511 Command Not Permitted on a dead channel\n") == [Reply(511)]


def test_hangup_after_the_reply_and_twice() -> None:
    """Asterisk sends it once when the caller goes and once more when it leaves AGI."""
    assert asked().receive(b"200 result=-1 endpos=8\nHANGUP\nHANGUP\n") == [
        Reply(200, -1, "", 8),
        Hangup(),
        Hangup(),
    ]


def test_a_reply_that_nobody_asked_for() -> None:
    with pytest.raises(RemoteError):
        connected().receive(b"200 result=0\n")
    with pytest.raises(RemoteError):
        asked().receive(b"200 result=0\n200 result=0\n")


@pytest.mark.parametrize(
    "line",
    [
        b"200 result=",
        b"200 result=x",
        b"200 result=1 (open",
        b"201 result=0",
        b"",
        b"ok",
        b" 200 result=0",
        b"200",
    ],
)
def test_a_line_that_is_no_reply(line: bytes) -> None:
    with pytest.raises(RemoteError):
        asked().receive(line + b"\n")


@pytest.mark.parametrize("end", [b"", b")\n"])
def test_a_line_without_bounds(end: bytes) -> None:
    with pytest.raises(RemoteError):
        asked().receive(b"200 result=1 (" + b"x" * protocol.REPLY_BYTES + end)


def test_broken_stays_broken() -> None:
    connection = asked()
    with pytest.raises(RemoteError):
        connection.receive(b"nonsense\n")
    with pytest.raises(LocalError):
        connection.send(ANSWER)
    for data in (b"200 result=0\n", b"HANGUP\n", environment()):
        with pytest.raises(RemoteError):
            connection.receive(data)


def test_one_command_at_a_time() -> None:
    """Asterisk drops the first when a second comes, and never answers it."""
    with pytest.raises(LocalError):
        asked().send(ANSWER)


def heard(connection: Connection, chunks: list[bytes]) -> tuple[list[Event], bool]:
    """What chunks bring, answering each reply with a command; and whether the session broke."""
    events: list[Event] = []
    for chunk in chunks:
        try:
            new = connection.receive(chunk)
        except RemoteError:
            return events, True
        events += new
        if connection.state is protocol.State.IDLE:
            connection.send(ANSWER)
    return events, False


LINES = st.sampled_from(
    [
        b"200 result=0\n",
        b"200 result=1 (x y) endpos=5\n",
        b"511 dead\n",
        b"100 wait\n200 result=1\n",
        b"520-Usage\nHANGUP\n\n520 End.\n",
        b"HANGUP\n200 result=-1\n",
    ]
)


@given(st.lists(LINES, max_size=8), st.data())
def test_chunks_make_no_difference(lines: list[bytes], data: st.DataObject) -> None:
    """One line a read, or cut anywhere: the same events."""
    whole = [environment(), *lines]
    cut: list[bytes] = []
    for line in whole:
        at = sorted(data.draw(st.sets(st.integers(0, len(line)), max_size=5)) | {0, len(line)})
        cut += [line[start:end] for start, end in pairwise(at)]
    assert heard(Connection(), whole) == heard(Connection(), cut)


@given(st.lists(st.binary(max_size=200) | LINES | st.just(environment()), max_size=20))
def test_any_bytes_break_the_session_at_most(chunks: list[bytes]) -> None:
    connection = Connection()
    for chunk in chunks:
        try:
            connection.receive(chunk)
        except RemoteError:
            assert connection.state is protocol.State.BROKEN
            return


@given(st.binary(max_size=300))
def test_any_environment_cut_anywhere_is_good_or_bad_alike(block: bytes) -> None:
    data = b"agi_network: yes\n" + block + b"\n\n"
    assert heard(Connection(), [data])[1] == heard(Connection(), [bytes([byte]) for byte in data])[1]
