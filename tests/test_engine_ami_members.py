"""What AMI tells of an operator, as Asterisk 22.10 writes it."""

import pytest

from engine.gateways.ami_members import Duty, Member
from engine.gateways.ami_protocol import Message, translate

SAID = (
    "Event: {event}\r\nPrivilege: agent,all\r\nQueue: sales\r\nMemberName: Anna\r\nInterface: PJSIP/anna\r\n"
    "StateInterface: PJSIP/anna\r\nMembership: static\r\nCallsTaken: 3\r\nLastCall: 1769000000\r\n"
    "LastPause: 0\r\nLoginTime: 1769000000\r\nInCall: {in_call}\r\nStatus: {status}\r\nPaused: {paused}\r\n"
    "PausedReason: \r\nRinginuse: 0\r\nWrapuptime: {wrapup}\r\n"
)


def said(event: str = "QueueMemberStatus", **values: object) -> Message:
    given = {"event": event, "status": 1, "paused": 0, "in_call": 0, "wrapup": 0} | values
    return Message(SAID.format(**given).encode())


@pytest.mark.parametrize(
    "status, duty",
    [
        *((0, Duty.FREE), (1, Duty.FREE), (2, Duty.BUSY), (3, Duty.BUSY), (4, Duty.AWAY)),
        *((5, Duty.AWAY), (6, Duty.BUSY), (7, Duty.BUSY), (8, Duty.BUSY), ("", Duty.BUSY)),
    ],
)
def test_the_device_tells_whether_the_queue_may_ring_him(status: object, duty: Duty) -> None:
    assert translate(said(status=status)) == Member("sales", "PJSIP/anna", duty)
    # A call that the queue has not written off yet is over for him.
    assert translate(said(status=status, in_call=1)) == Member("sales", "PJSIP/anna", duty)


@pytest.mark.parametrize("event", ["QueueMemberStatus", "QueueMemberPause", "QueueMemberAdded"])
def test_who_is_on_pause_is_away(event: str) -> None:
    assert translate(said(event, paused=1)) == Member("sales", "PJSIP/anna", Duty.AWAY)
    assert translate(said(event, paused=0)) == Member("sales", "PJSIP/anna", Duty.FREE)


def test_who_is_removed_is_away_and_a_list_names_him_otherwise() -> None:
    assert translate(said("QueueMemberRemoved")) == Member("sales", "PJSIP/anna", Duty.AWAY)
    line = Message(
        b"Event: QueueMember\r\nQueue: sales\r\nName: Anna\r\nLocation: PJSIP/anna\r\nStatus: 2\r\n"
    )
    assert translate(line) == Member("sales", "PJSIP/anna", Duty.BUSY)


@pytest.mark.parametrize("wrapup, seconds", [("15", 15), ("", 0), ("-1", 0), ("٣", 0)])
def test_his_rest_is_his_own(wrapup: str, seconds: int) -> None:
    assert translate(said(wrapup=wrapup)) == Member("sales", "PJSIP/anna", Duty.FREE, seconds)
