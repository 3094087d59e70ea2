"""engine.gateways.ami_protocol: bytes to messages however they are cut, actions that cannot be two."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from engine.errors import UsageError
from engine.gateways.ami_protocol import (
    MESSAGE_LIMIT,
    Answered,
    Ended,
    Framer,
    LinkUp,
    Message,
    Originate,
    Originated,
    Progress,
    ProtocolError,
    Reach,
    Ringing,
    ask_state,
    encode,
    translate,
    warnings,
)

# As Asterisk 22.10.1 sends them.
HANGUP = (
    "Event: Hangup\r\nPrivilege: call,all\r\nChannel: PJSIP/trunk-00000038\r\nChannelState: 5\r\n"
    "ChannelStateDesc: Ringing\r\nCallerIDNum: 1000\r\nCallerIDName: Иван Ёж\r\nConnectedLineNum: 1000\r\n"
    "ConnectedLineName: <unknown>\r\nLanguage: en\r\nContext: out\r\nExten: s\r\nPriority: 3\r\n"
    "Uniqueid: ff833b15\r\nLinkedid: ff833b15\r\nCause: 17\r\nTechCause: 486\r\nCause-txt: User busy\r\n\r\n"
)
RESPONSE = (
    "Event: OriginateResponse\r\nPrivilege: call,all\r\nActionID: ff833b15\r\nResponse: Failure\r\n"
    "Channel: PJSIP/trunk-00000038\r\nContext: out\r\nExten: s\r\nReason: 3\r\nUniqueid: ff833b15\r\n"
    "CallerIDNum: 1000\r\nCallerIDName: <unknown>\r\n\r\n"
)
PONG = "Response: Success\r\nActionID: link-1\r\nPing: Pong\r\nTimestamp: 1795298848.140834\r\n\r\n"


def parse(text: str | bytes) -> list[Message]:
    return Framer(greeted=False).feed(text if isinstance(text, bytes) else text.encode())


def one(text: str) -> Message:
    (message,) = parse(text)
    return message


def seen(messages: list[Message]) -> list[tuple[str, str, list[str]]]:
    """What can be read from messages: to compare two ways of cutting the same bytes."""
    return [(m.event, m.get("Uniqueid"), m.all("Variable") + m.all("CallerIDName")) for m in messages]


# Framing.


def test_a_stream_is_a_greeting_and_messages() -> None:
    framer = Framer()
    messages = framer.feed(b"Asterisk Call Manager/11.0.0\r\n" + (PONG + HANGUP).encode())
    assert framer.banner == "Asterisk Call Manager/11.0.0"
    assert [message.event for message in messages] == ["", "Hangup"]
    assert messages[0].get("Ping") == "Pong"


def test_a_greeting_may_come_in_pieces() -> None:
    framer = Framer()
    assert framer.feed(b"Asterisk Call Man") == []
    assert framer.banner is None
    assert framer.feed(b"ager/11.0.0\r") == []
    assert len(framer.feed(b"\n" + PONG.encode())) == 1


@given(
    st.lists(st.sampled_from([HANGUP, RESPONSE, PONG, "\r\n", "Event: Ж\r\n\r\n"]), min_size=1, max_size=8),
    st.lists(st.integers(1, 60), max_size=200),
)
def test_however_a_stream_is_cut_it_reads_the_same(texts: list[str], cuts: list[int]) -> None:
    """Splits fall within CR LF CR LF and within a letter of two bytes too."""
    whole = "".join(texts).encode()
    framer, pieces, start = Framer(greeted=False), [], 0
    for cut in cuts:
        pieces.append(whole[start : start + cut])
        start += cut
    pieces.append(whole[start:])
    cut_up = [message for piece in pieces for message in framer.feed(piece)]
    assert seen(cut_up) == seen(parse(whole))
    assert len(cut_up) == len([text for text in texts if text != "\r\n"])


def test_a_letter_split_between_two_segments_is_not_lost() -> None:
    raw = HANGUP.encode()
    middle = raw.index("Ё".encode()) + 1
    framer = Framer(greeted=False)
    assert framer.feed(raw[:middle]) == []
    assert framer.feed(raw[middle:])[0].get("CallerIDName") == "Иван Ёж"


@given(st.lists(st.binary(max_size=200), max_size=20))
@example([b"\r\n\r\n\r\n\r\n", b":", b"Event\r\n\r\n", b"\xff: \xfe\r\nEvent: \xd0\r\n\r\n"])
@example([b"Event: Hangup\r\nCause: \xd9\xa3\r\nTechCause: 9999999999999\r\n\r\n"])
def test_any_bytes_parse_or_wait(chunks: list[bytes]) -> None:
    framer = Framer(greeted=False)
    for chunk in chunks:
        for message in framer.feed(chunk):
            translate(message)
            message.all("Variable")


@given(st.sampled_from(["Hangup", "Newstate", "OriginateResponse", "DialState"]), st.text())
def test_any_value_in_an_event_we_use_is_survived(event: str, value: str) -> None:
    clean = value.replace("\r", "").replace("\n", "")
    names = ("Uniqueid", "Cause", "TechCause", "ChannelState", "Reason", "DialStatus")
    lines = [f"Event: {event}", *(f"{name}: {clean}" for name in names)]
    translate(parse(("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogatepass"))[0])


def test_a_message_above_a_megabyte_is_refused_whole_or_not() -> None:
    line = b"Event: X\r\nA: " + b"x" * MESSAGE_LIMIT
    with pytest.raises(ProtocolError):
        Framer(greeted=False).feed(line + b"\r\n\r\n")
    framer = Framer(greeted=False)
    with pytest.raises(ProtocolError):
        for start in range(0, len(line), 65536):
            framer.feed(line[start : start + 65536])
    with pytest.raises(ProtocolError):
        Framer().feed(b"x" * (MESSAGE_LIMIT + 1))


# Headers.


def test_the_first_header_of_a_name_counts_and_all_can_be_had() -> None:
    message = one("Event: X\r\nVariable: a=1\r\nNot-Variable: 7\r\nVariable:b=2\r\nEmpty: \r\n\r\n")
    assert message.get("Variable") == "a=1"
    assert message.all("Variable") == ["a=1", "b=2"]
    assert message.all("Nothing") == []
    assert message.get("Empty", "x") == ""
    assert message.get("Nothing", "x") == "x"


def test_a_name_within_a_value_or_another_name_is_no_header() -> None:
    message = one("Event: X\r\nCallerIDName: Uniqueid: 9\r\nDestUniqueid: 8\r\nUniqueid: 7\r\n\r\n")
    assert message.get("Uniqueid") == "7"


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert parse(b"Event: X\r\nName: a\xffb\r\n\r\n")[0].get("Name") == "a\\xffb"


# Events.


def test_the_events_that_we_use() -> None:
    assert translate(one(HANGUP)) == Ended("ff833b15", 17, 486, "User busy")
    assert translate(one(RESPONSE)) == Originated("ff833b15", success=False, timed_out=True)
    state = "Event: Newstate\r\nChannelState: {}\r\nUniqueid: a\r\n\r\n"
    assert translate(one(state.format(5))) == Ringing("a")
    assert translate(one(state.format(6))) == Answered("a")
    assert translate(one(state.format(4))) is None
    dial = "Event: DialState\r\nDestUniqueid: a\r\nDialStatus: {}\r\n\r\n"
    assert translate(one(dial.format("PROGRESS"))) == Progress("a")
    assert translate(one(dial.format("RINGING"))) is None
    assert translate(one("Event: VarSet\r\nUniqueid: a\r\n\r\n")) is None
    peer = "Event: PeerStatus\r\nChannelType: PJSIP\r\nPeer: {}\r\nPeerStatus: {}\r\n\r\n"
    assert translate(one(peer.format("PJSIP/lab", "Unreachable"))) == Reach("lab", reachable=False)
    assert translate(one(peer.format("PJSIP/lab", "Reachable"))) == Reach("lab", reachable=True)
    assert translate(one(peer.format("PJSIP/lab", "Registered"))) is None
    assert translate(one(peer.format("IAX2/lab", "Unreachable"))) is None


def test_a_hangup_without_a_sip_code_or_with_nonsense_has_none() -> None:
    plain = HANGUP.replace("TechCause: 486\r\n", "")
    assert translate(one(plain)) == Ended("ff833b15", 17, None, "User busy")
    odd = HANGUP.replace("486", "SIP 486").replace("Cause: 17", "Cause: busy")
    assert translate(one(odd)) == Ended("ff833b15", 0, None, "User busy")


def test_an_originate_response_is_an_event_and_success_is_read_from_it() -> None:
    message = one(RESPONSE.replace("Failure", "Success").replace("Reason: 3", "Reason: 4"))
    assert message.event == "OriginateResponse"
    assert translate(message) == Originated("ff833b15", success=True, timed_out=False)


# Actions.


def test_an_action_is_what_it_says() -> None:
    assert encode({"Action": "Ping", "ActionID": "1"}) == b"Action: Ping\r\nActionID: 1\r\n\r\n"


@pytest.mark.parametrize("bad", ["\r", "\n", "\0", "\r\nAction: Command"])
def test_a_header_that_could_be_two_is_refused(bad: str) -> None:
    with pytest.raises(UsageError):
        encode({"Action": "Ping", "Name": f"a{bad}b"})
    with pytest.raises(UsageError):
        encode({"Action": "Ping", f"Na{bad}me": "a"})


@pytest.mark.parametrize("name", ["", "Na me", "Name: x", "Имя", "Name "])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(UsageError):
        encode({"Action": "Ping", name: "a"})


def test_a_value_that_is_no_text_is_refused() -> None:
    with pytest.raises(UsageError):
        encode({"Action": "Ping", "Name": "a\ud800"})


def test_a_header_that_asterisk_would_drop_is_refused() -> None:
    with pytest.raises(UsageError):
        encode({"Action": "x" * 1000})
    with pytest.raises(UsageError):
        encode({"Action": "ж" * 500})


@given(st.dictionaries(st.text(), st.text(), max_size=5))
def test_whatever_is_encoded_reads_back_as_one_message(headers: dict[str, str]) -> None:
    try:
        data = encode({"Action": "Test", **headers})
    except UsageError:
        return
    (message,) = parse(data)
    for name in headers:
        assert len(message.all(name)) == 1


CALL = Originate(
    "6f1c7d6e-0000-7000-8000-000000000001", "+79161234567", "trunk", "zvonar-debtor", "start", "74951234567"
)


def test_an_endpoints_state_is_asked_for_and_nothing_else_by_its_name() -> None:
    assert ask_state("lab") == {"Action": "Getvar", "Variable": "DEVICE_STATE(PJSIP/lab)"}
    for name in ("lab)", "a,b", "", "lab\n"):
        with pytest.raises(UsageError):
            ask_state(name)


def test_an_originate_is_asynchronous_into_a_context_and_carries_only_its_id() -> None:
    assert CALL.headers() == {
        "Action": "Originate",
        "ActionID": CALL.attempt,
        "ChannelId": CALL.attempt,
        "Channel": "PJSIP/+79161234567@trunk",
        "Context": "zvonar-debtor",
        "Exten": "start",
        "Priority": "1",
        "Timeout": "40000",
        "Async": "true",
        "Variable": f"ZVONAR_ATTEMPT={CALL.attempt}",
        "CallerID": "74951234567",
    }
    recorded = replace(CALL, record=True).headers()
    assert recorded == CALL.headers() | {"Variable": f"ZVONAR_ATTEMPT={CALL.attempt},ZVONAR_RECORD=1"}
    both = replace(CALL, record=True, amd="fast").headers()["Variable"]
    assert both == f"ZVONAR_ATTEMPT={CALL.attempt},ZVONAR_RECORD=1,ZVONAR_AMD=fast"
    with pytest.raises(UsageError, match="amd has a form"):
        replace(CALL, amd="fast,X=1")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attempt", ""),
        ("attempt", "x" * 150),
        ("attempt", "a,b"),
        ("attempt", "a\r\nb"),
        ("number", "500&PJSIP/itsp/1416"),
        ("number", "7916123456\n"),
        ("number", "٧٩١٦١٢٣٤٥٦٧"),
        ("number", ""),
        ("endpoint", "trunk&Local/1"),
        ("endpoint", "trunk/sip:evil"),
        ("context", "a b"),
        ("exten", "s,1"),
        ("caller_id", '"A\r\nAction: Command" <1>'),
        ("ring_s", 0),
        ("ring_s", float("nan")),
    ],
)
def test_an_originate_that_could_mean_more_is_refused(name: str, value: object) -> None:
    values = {"attempt": "a", "number": "1", "endpoint": "e", "context": "c", name: value}
    with pytest.raises(UsageError, match=name):
        Originate(**values)  # type: ignore[arg-type]  # wrong values are what is tried


def test_an_attempt_of_149_characters_is_accepted_and_without_a_caller_id_none_is_sent() -> None:
    headers = Originate("x" * 149, "1", "e", "c").headers()
    assert len(headers["ChannelId"]) == 149
    assert "CallerID" not in headers


# Versions.


@pytest.mark.parametrize(
    ("version", "told"),
    [
        ("22.10.1", []),
        ("22.10.1+dfsg+~cs6.17.60671434-1", []),
        ("23.4.1", []),
        ("24.0.0", []),
        ("22.10.0", ["security"]),
        ("22.6.0", ["TechCause", "security"]),
        ("20.20.1", ["TechCause"]),
        ("20.9.2", ["TechCause", "security"]),
        ("18.24.2", ["TechCause", "security"]),
        ("21.12.0", ["TechCause", "security"]),
        ("certified-20.7-cert1", ["TechCause", "security"]),
        ("GIT-master-1234", ["no release"]),
        ("", ["no release"]),
    ],
)
def test_an_old_version_is_warned_of(version: str, told: list[str]) -> None:
    found = warnings(version)
    assert len(found) == len(told)
    for word, warning in zip(told, found, strict=True):
        assert word in warning


def test_events_can_be_compared_and_kept() -> None:
    up = LinkUp(frozenset({"a"}), datetime(2026, 1, 1, tzinfo=UTC), "22.10.1")
    assert {up, Ringing("a"), Ringing("a")} == {up, Ringing("a")}
