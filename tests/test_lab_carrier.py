"""The carrier's callees do what their number says: keys, hanging up, an operator, giving up."""

import queue
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lab_line import Agi, dial, phone_of

from lab.carrier import PCAPS, Carrier
from lab.ear import ALAW, RATE, decode, match
from lab.kinds import KEYS, number
from lab.ports import Ports, is_free
from lab.stand import Stand

pytestmark = pytest.mark.real


def speech() -> np.ndarray:
    """What the operator and the announcement say, out of SIPp's own recording of A-law packets."""
    data = (PCAPS / "g711a.pcap").read_bytes()[24:]
    sound = b""
    while data:
        length = int.from_bytes(data[8:12], "little")
        sound += data[16 + 54 : 16 + length]  # Ethernet, IP, UDP and RTP headers
        data = data[16 + length :]
    return decode(sound, ALAW)


def test_each_key_is_pressed_when_the_number_says(stand: Stand) -> None:
    pressed: queue.Queue[tuple[str, str]] = queue.Queue()
    waited: dict[str, float] = {}

    def talk(environment: dict[str, str], command: Callable[[str], str]) -> None:
        answered, phone = time.monotonic(), phone_of(environment)
        pressed.put((phone, command("WAIT FOR DIGIT 9000")))
        waited[phone] = time.monotonic() - answered

    numbers = [kind.number(0, seconds) for seconds, kind in enumerate(KEYS[5:], start=1)]
    numbers += [kind.number(1) for kind in KEYS]
    with Agi(stand.settings, talk):
        dial(stand.settings, numbers)
    answers = dict(pressed.get_nowait() for _ in numbers)
    assert answers == {phone: f"200 result={ord(phone[6])}" for phone in numbers}
    # the carrier counts from its own ACK, a moment before our server is asked
    assert {phone: waited[phone] for phone in numbers if waited[phone] < int(phone[7]) - 0.5} == {}


def test_one_who_hangs_up_stays_as_long_as_the_number_says(stand: Stand) -> None:
    def talk(environment: dict[str, str], command: Callable[[str], str]) -> None:
        command("WAIT FOR DIGIT 9000")

    with Agi(stand.settings, talk):
        calls = dial(stand.settings, [number("hangs-up", 1, 2), number("hangs-up", 2, 4)])
    soon, late = (call.seconds for call in calls.values())
    assert 2 <= soon < 4 <= late < 6


def test_an_operator_is_connected_and_both_are_heard(stand: Stand) -> None:
    debtor, operator = number("press-1", 50, 1), number("operator", 50, 1)

    def talk(environment: dict[str, str], command: Callable[[str], str]) -> None:
        assert command("WAIT FOR DIGIT 6000") == f"200 result={ord('1')}"
        command("SET VARIABLE TIMEOUT(absolute) 10")
        command(f'EXEC Dial "PJSIP/{operator}@lab,20,r"')

    with Agi(stand.settings, talk):
        dial(stand.settings, [debtor], over_s=60)
    found = match(stand.ear.heard(debtor), speech())
    assert found.correlation >= 0.9, "the debtor hears the operator's whole speech"
    assert [call.number for call in stand.carrier.sent if call.number == operator] == [operator]


def test_one_who_rings_is_given_up_and_the_carrier_ends_the_call(stand: Stand) -> None:
    phone = number("rings", 60)
    call = dial(stand.settings, [phone], timeout_s=1)[phone]
    assert call.ending == ("19", "480") and call.reason == "3" and call.rang
    assert call.seconds >= 1
    assert "0 active channels" in stand.node.console("core show channels")


def test_a_number_outside_the_scheme_just_listens(stand: Stand, fallback: Path) -> None:
    phone = "+74951234567"
    assert dial(stand.settings, [phone])[phone].reason == "4"
    assert len(stand.ear.heard(phone)) > RATE


def test_every_invite_is_in_the_log_once_even_if_repeated(stand: Stand) -> None:
    """Silence makes Asterisk repeat its INVITE; it is still one call."""
    phone = number("silence", 70)
    dial(stand.settings, [phone], timeout_s=3)
    sent = [call for call in stand.carrier.sent if call.number == phone]
    assert len(sent) == 1
    assert sent[0].rtp[0] == "127.0.0.1" and sent[0].rtp[1] >= stand.node.node.rtp_first


def test_without_a_log_and_an_ear_it_serves_too(tmp_path: Path) -> None:
    with Stand(tmp_path, hear=False, log=False) as stand:
        assert dial(stand.settings, [number("listens")])[number("listens")].reason == "4"
        assert stand.carrier.sent == []


def test_stopped_it_lets_its_port_go(tmp_path: Path) -> None:
    with Ports() as ports, Carrier(tmp_path, ports.take(), ports.take(6)) as carrier:
        assert not is_free(carrier.port)
        carrier.stop()
        assert is_free(carrier.port)
