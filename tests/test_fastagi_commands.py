"""Commands: Asterisk reads each as it was meant, and no value is more than an argument."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastagi import commands
from fastagi.protocol import LocalError

CLIP = "a7" * 32


def as_asterisk_reads(line: bytes) -> list[str]:
    """res_agi.c, parse_args: how Asterisk splits a command into arguments."""
    words: list[str] = []
    quoted = escaped = False
    between = True
    for letter in line.decode().removesuffix("\n"):
        if letter == '"' and not escaped:
            quoted = not quoted
            if quoted and between:
                words.append("")
                between = False
        elif letter in " \t" and not quoted and not escaped:
            between = True
        elif letter == "\\" and not escaped:
            escaped = True
            continue
        else:
            if between:
                words.append("")
                between = False
            words[-1] += letter
        escaped = False
    return words


def test_commands_as_asterisk_reads_them() -> None:
    read = as_asterisk_reads
    assert read(commands.ANSWER) == ["ANSWER"]
    assert read(commands.CHANNEL_STATUS) == ["CHANNEL", "STATUS"]
    assert read(commands.stream_file("/audio", CLIP, "12#")) == ["STREAM", "FILE", f"/audio/a7/{CLIP}", "12#"]
    assert read(commands.stream_file("/au dio", CLIP)) == ["STREAM", "FILE", f"/au dio/a7/{CLIP}", ""]
    assert read(commands.wait_for_digit(4999)) == ["WAIT", "FOR", "DIGIT", "4999"]
    assert read(commands.get_variable("DIALSTATUS")) == ["GET", "VARIABLE", "DIALSTATUS"]
    assert read(commands.set_variable("AGI_DONE", "1")) == ["SET", "VARIABLE", "AGI_DONE", "1"]
    dial = commands.dial("+79160000000", "trunk-1", 40)
    assert read(dial) == ["EXEC", "Dial", "PJSIP/+79160000000@trunk-1,40,griU(zvonar-joined)"]
    shown = commands.dial("+79160000000", "trunk-1", 40, show="+78120000001")
    assert read(shown)[2] == "PJSIP/+79160000000@trunk-1,40,grif(+78120000001)U(zvonar-joined)"
    call = "0198c7a2-54c0-7cc1-bd10-2c6a3f1b7f55"
    reach = commands.reach("+79160000000", "trunk-1", "+78120000001", call, 40, 1800, 60)
    options = f"f(+78120000001)o(+78120000001)iIgU(zvonar-mask-taken^{call})L(1800000:60000)"
    assert read(reach) == ["EXEC", "Dial", f"PJSIP/+79160000000@trunk-1,40,{options}"]
    monitor = commands.monitor("/srv/talks", f"masked/0198/0198c7a/{call}.alaw")
    assert read(monitor) == ["EXEC", "MixMonitor", f"/srv/talks/masked/0198/0198c7a/{call}.alaw,b"]
    assert read(commands.queue("operators", 30)) == ["EXEC", "Queue", "operators,cr,,,30,,zvonar-joined"]
    before = "b(zvonar-card^s^1)"
    assert read(commands.queue("taxi", 30, card=True)) == ["EXEC", "Queue", f"taxi,cr{before},,,30"]
    carded = commands.dial("+79160000000", "trunk-1", 40, card=True)
    assert read(carded) == ["EXEC", "Dial", f"PJSIP/+79160000000@trunk-1,40,gri{before}"]
    assert read(commands.logged_in("taxi")) == ["GET", "FULL", "VARIABLE", "${QUEUE_MEMBER(taxi,logged)}"]


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=300))
def test_no_value_is_more_than_an_argument(value: str) -> None:
    """In five libraries of five, a quote and a newline in SET VARIABLE made a second command."""
    line = commands.set_variable("NAME", value)
    assert line.count(b"\n") == 1 and line.endswith(b"\n")
    assert as_asterisk_reads(line) == ["SET", "VARIABLE", "NAME", value]


@pytest.mark.parametrize("value", ['x"\nEXEC System "id', "a\rb", "a\x00b", "a\x7fb", "a\ud800b", "x" * 8192])
def test_values_that_are_not_sent(value: str) -> None:
    with pytest.raises(LocalError):
        commands.set_variable("NAME", value)


def test_the_longest_line() -> None:
    """Asterisk reads 8,192 bytes with a NUL; what is above would be a second command."""
    frame = len(commands.set_variable("NAME", ""))
    assert len(commands.set_variable("NAME", "x" * (8191 - frame))) == 8191
    with pytest.raises(LocalError):
        commands.set_variable("NAME", "x" * (8192 - frame))


@pytest.mark.parametrize("name", ["FILE(/etc/passwd)", "SHELL(id)", "", "1A", "A B", "A\n", "Ж", "A" * 81])
def test_variables_are_no_functions(name: str) -> None:
    with pytest.raises(LocalError):
        commands.get_variable(name)
    with pytest.raises(LocalError):
        commands.set_variable(name, "1")


@pytest.mark.parametrize(
    "clip", ["../" * 20 + "etc/passwd", "/etc/passwd", "A7" * 32, "a7" * 31, CLIP + "\n", ""]
)
def test_clips_are_no_paths(clip: str) -> None:
    with pytest.raises(LocalError):
        commands.stream_file("/audio", clip)


@pytest.mark.parametrize("keys", ["x", "1,2", '1"', "1 2", "1" * 17])
def test_keys_are_keys(keys: str) -> None:
    with pytest.raises(LocalError):
        commands.stream_file("/audio", CLIP, keys)


@pytest.mark.parametrize(
    ("number", "endpoint", "timeout_s"),
    [
        ("500&PJSIP/1416@trunk", "trunk", 40),
        ("500,40,g", "trunk", 40),
        ("", "trunk", 40),
        ("7" * 19, "trunk", 40),
        ("500", "trunk,1", 40),
        ("500", "trunk&x", 40),
        ("500", "", 40),
        ("500", "trunk", 0),
    ],
)
def test_dial_takes_one_number_on_one_endpoint(number: str, endpoint: str, timeout_s: int) -> None:
    with pytest.raises(LocalError):
        commands.dial(number, endpoint, timeout_s)


@pytest.mark.parametrize(("name", "timeout_s"), [("a,b", 10), ("", 10), ("a b", 10), ("a", -1)])
def test_queue_takes_one_name(name: str, timeout_s: int) -> None:
    with pytest.raises(LocalError):
        commands.queue(name, timeout_s)


@pytest.mark.parametrize(("ms", "timeout_s"), [(0, 10), (-1, 10), (1500, 0)])
def test_a_silence_is_waited_for_within_a_time(ms: int, timeout_s: int) -> None:
    with pytest.raises(LocalError):
        commands.wait_for_silence(ms, timeout_s)


def test_a_wait_has_an_end() -> None:
    with pytest.raises(LocalError):
        commands.wait_for_digit(-1)


@pytest.mark.parametrize(
    "changed",
    [
        {"number": "500&PJSIP/1416@trunk"},
        {"endpoint": "trunk,1,T"},
        {"show": "1)T"},
        {"show": ""},
        {"call": "x^y"},
        {"ring_s": 0},
        {"talk_s": 0},
    ],
    ids=str,
)
def test_who_is_reached_is_one_number_and_gets_no_transfer_key(changed: dict[str, Any]) -> None:
    usual = {"number": "500", "endpoint": "trunk", "show": "1", "call": "0" * 36}
    with pytest.raises(LocalError):
        commands.reach(**{**usual, "ring_s": 40, "talk_s": 60, "warn_s": 0, **changed})


@pytest.mark.parametrize("path", ["../x.alaw", "a.wav", f"{'0' * 36}.alaw,b,reboot", f"/{'0' * 36}.alaw"])
def test_a_recording_has_no_other_name_and_runs_no_command(path: str) -> None:
    with pytest.raises(LocalError):
        commands.monitor("/srv/talks", path)
