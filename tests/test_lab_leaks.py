"""Numbers in SIP messages and texts: every spelling is found, other numbers are not."""

import re
import socket
from urllib.parse import quote

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from lab.leaks import BODY, FIRST_LINE, Leak, Message, in_message, in_text
from lab.ports import Ports
from lab.wire import Wire

SIP = (
    b"SIP/2.0 183 Session Progress\r\nVia: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK.7\r\n"
    b"CSeq: 1 INVITE\r\nContact: <sip:127.0.0.1:5061>\r\n%s\r\nContent-Length: 0\r\n\r\n%s"
)
HEADERS = ("P-Asserted-Identity", "Remote-Party-ID", "From", "Contact", "Diversion", "X-Anything", "t")
numbers = st.from_regex(r"\+7[3489][0-9]{9}", fullmatch=True)
separators = st.sampled_from(
    ["", " ", "-", ".", "  ", ") ", " (", "\u00a0", "\u2011", " - ", "\r\n ", "/", '"']
)


@st.composite
def spelled(draw: st.DrawFn, number: str) -> str:
    """The number as somebody, or some machine, may write it."""
    before = draw(st.sampled_from(["+7", "8", "7", "", "007", "8107", "+7 ", "8 (", "tel:+7-", "sip:+7"]))
    groups = draw(st.sampled_from([(3, 6, 8), (3, 6), (), tuple(range(1, 10))]))
    digits = number[2:]
    text = before
    for place, digit in enumerate(digits):
        text += (draw(separators) if place in groups else "") + digit
    for _ in range(draw(st.integers(0, 2))):
        text = quote(text, safe="")
    return text


def message(header: str = "X: 1", body: bytes = b"") -> Message:
    return Message(0.0, 5060, 5070, SIP % (header.encode(), body))


@given(st.data(), numbers, st.sampled_from(HEADERS))
def test_a_number_in_any_spelling_is_found_in_any_header(data: st.DataObject, number: str, name: str) -> None:
    text = data.draw(spelled(number))
    (leak,) = in_message(message(f'{name}: "Ivan" <{text}@carrier>;tag=a1'), [number])
    assert (leak.where, leak.number) == (f"183 INVITE: {name}", number)
    assert re.sub("[^0-9]", "", leak.text) == number[2:]


@given(st.data(), numbers)
def test_it_is_found_in_a_body_a_log_and_a_name_of_a_file(data: st.DataObject, number: str) -> None:
    text = data.draw(spelled(number))
    (leak,) = in_message(message(body=f"v=0\r\no=- 1 1 IN IP4\r\ns={text}\r\n".encode()), [number])
    assert leak.where == f"183 INVITE: {BODY}"
    assert in_text("recordings", f"masked/2026/{text}.alaw", [number])
    assert in_text("log", f"call of {text} ended".encode(), [number])


@given(st.data(), numbers, numbers, st.sampled_from(HEADERS))
def test_another_number_is_not_found(data: st.DataObject, hidden: str, shown: str, name: str) -> None:
    assume(hidden[2:] not in f"81078007{shown[2:]}")
    text = data.draw(spelled(shown))
    assert in_message(message(f"{name}: <{text}>;tag=a1", text.encode()), [hidden]) == []


def test_each_place_and_each_number_is_told_once() -> None:
    one, other = "+79211234567", "+79217654321"
    found = in_message(message(f"From: <sip:{one}@x>;p={one}", other.encode()), [one, other])
    assert found == [
        Leak("183 INVITE: From", one, "9211234567"),
        Leak(f"183 INVITE: {BODY}", other, "9217654321"),
    ]
    request = Message(0.0, 1, 2, f"BYE sip:8{one[2:]}@x SIP/2.0\r\nCSeq: 1 BYE\r\n\r\n".encode())
    assert [leak.where for leak in in_message(request, [one])] == [f"BYE: {FIRST_LINE}"]


def test_parts_of_a_number_are_none() -> None:
    number = "+79211234567"
    assert in_text("log", "call of *4567 from 921 ended at 1234567", [number]) == []
    assert in_text("log", "921a1234567", [number]) == []


def test_who_asks_for_no_number_is_told_so() -> None:
    with pytest.raises(ValueError, match="not a number"):
        in_text("log", "text", ["sip:anybody"])


def test_the_wire_is_seen_whole_with_its_directions_and_nobody_elses() -> None:
    with Ports() as ports:
        ours, theirs, others = ports.take(), ports.take(), ports.take()
        ends = {port: socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for port in (ours, theirs, others)}
        for port, end in ends.items():
            end.bind(("127.0.0.1", port))
        with Wire(ours) as wire:
            for turn in range(500):
                ends[ours].sendto(b"OPTIONS %d" % turn, ("127.0.0.1", theirs))
                ends[theirs].sendto(b"SIP/2.0 200 %d" % turn, ("127.0.0.1", ours))
                ends[others].sendto(b"not ours", ("127.0.0.1", theirs))
            ends[theirs].sendto(b"\r\n\r\n", ("127.0.0.1", ours))
            ends[ours].sendto(b"x" * 60_000, ("127.0.0.1", theirs))
        for end in ends.values():
            end.close()
    *small, large = [(one.source, one.target, one.data) for one in wire.messages]
    assert small[0::2] == [(ours, theirs, b"OPTIONS %d" % turn) for turn in range(500)]
    assert small[1::2] == [(theirs, ours, b"SIP/2.0 200 %d" % turn) for turn in range(500)]
    assert large == (ours, theirs, b"x" * 60_000)
