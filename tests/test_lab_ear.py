"""The ear: what was sent is what is heard, message by message; and the measures that say so."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from lab_line import Agi, dial, phone_of
from voice import speak

from lab import LabError
from lab.carrier import Invite
from lab.ear import ALAW, RATE, ULAW, Packet, decode, load, match, silences, streams_of, together
from lab.kinds import number
from lab.stand import Stand

NAMES = ("Анна", "Борис", "Вера", "Глеб", "Дарья", "Егор", "Жанна", "Захар", "Ирина", "Кирилл")


def noise(seconds: float, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.1, round(seconds * RATE))


@pytest.mark.parametrize(("codec", "sox"), [(ALAW, "a-law"), (ULAW, "mu-law")])
def test_g711_is_decoded_as_sox_does(codec: int, sox: str) -> None:
    codes = bytes(range(256))
    raw = ["-t", "raw", "-r", "8000", "-c", "1"]
    command = ["sox", *raw, "-e", sox, "-b", "8", "-", *raw, "-e", "signed", "-b", "16", "-"]
    decoded = subprocess.run(command, input=codes, capture_output=True, check=True).stdout
    assert np.array_equal(decode(codes, codec) * 32768, np.frombuffer(decoded, np.int16))


def test_a_file_that_asterisk_plays_is_loaded_by_its_ending(tmp_path: Path) -> None:
    for ending, codec in ((".alaw", ALAW), (".ulaw", ULAW)):
        file = tmp_path / f"x{ending}"
        file.write_bytes(bytes(range(256)))
        assert np.array_equal(load(file), decode(bytes(range(256)), codec))


def test_a_message_is_found_where_it_is_and_another_is_not() -> None:
    message, other = noise(2), noise(2, seed=2)
    found = match(np.concatenate((np.zeros(4000), 0.3 * message, np.zeros(500))), message)
    assert found.offset_s == pytest.approx(0.5) and found.correlation > 0.999
    assert match(other, message).correlation < 0.3
    assert match(np.zeros(0), message).correlation == 0
    assert match(np.zeros(8000), message).correlation == 0


def test_half_a_message_does_not_pass_for_the_whole() -> None:
    message = noise(2)
    assert match(message[:RATE], message).correlation == pytest.approx(0.5**0.5, abs=0.05)


def test_silences_are_measured() -> None:
    sound = np.concatenate(
        (np.ones(800), np.zeros(1600), np.ones(800), np.zeros(400), np.ones(8), np.zeros(800))
    )
    assert silences(sound) == [(0.1, 0.2), (pytest.approx(0.451), 0.1)]
    assert silences(np.zeros(8000)) == [(0.0, 1.0)]
    assert silences(np.ones(8000)) == []


def packets(sound: bytes, first: int, at: float = 0.0) -> list[Packet]:
    """A-law bytes as packets of 20 ms."""
    return [
        Packet(at + place / RATE, (first + place) % 2**32, ALAW, sound[place : place + 160])
        for place in range(0, len(sound), 160)
    ]


def test_packets_lie_by_their_timestamps_whatever_their_order() -> None:
    sound = bytes(random.Random(1).randrange(256) for _ in range(1600))
    sent = packets(sound, first=2**32 - 300)  # the timestamps wrap in the middle
    shuffled = [sent[0], *random.Random(2).sample(sent[1:], len(sent) - 1)]
    assert np.array_equal(together([shuffled]), decode(sound, ALAW))


def test_a_lost_packet_is_a_gap_and_a_second_stream_follows_the_first() -> None:
    sound = b"\x2a" * 800
    with_gap = [packet for packet in packets(sound, 0) if packet.place != 320]
    heard = together([with_gap, packets(sound, 5_000_000, at=1.0)])
    assert len(heard) == RATE + 800
    assert silences(heard, least_s=0.02) == [(0.04, 0.02), (0.1, 0.9)]


def test_a_port_that_serves_one_call_after_another_is_not_mixed_up() -> None:
    here, there = ("127.0.0.1", 4000), ("127.0.0.1", 4002)
    first, second, other = (
        Invite(10.0, "+1", "a", here, "+9"),
        Invite(20.0, "+2", "b", here, "+9"),
        Invite(15.0, "+3", "c", there, "+9"),
    )
    early, late, elsewhere = (
        Packet(11.0, 0, ALAW, b"early"),
        Packet(21.0, 0, ALAW, b"late"),
        Packet(16.0, 0, ALAW, b"else"),
    )
    streams = {(*here, 1): [early, late], (*there, 2): [elsewhere], (*here, 3): [late]}
    calls = [first, other, second]
    assert streams_of(first, calls, streams) == [[early]]
    assert streams_of(second, calls, streams) == [[late], [late]]
    assert streams_of(other, calls, streams) == [[elsewhere]]


def test_a_stream_may_go_over_to_another_clock() -> None:
    sound = bytes(random.Random(1).randrange(256) for _ in range(1600))
    heard = together([packets(sound, 2**31) + packets(sound, 0, at=0.2)])
    assert np.array_equal(heard, decode(sound * 2, ALAW))


def test_a_timestamp_from_nowhere_is_an_error() -> None:
    with pytest.raises(LabError, match="timestamp"):
        together([[Packet(0, 0, ALAW, b"\x2a"), Packet(0, 2**31, ALAW, b"\x2a")]])


def test_a_wav_of_another_kind_is_refused(tmp_path: Path) -> None:
    subprocess.run(
        ["sox", "-n", "-r", "44100", "-b", "16", "-c", "2", str(tmp_path / "x.wav"), "trim", "0", "1"],
        check=True,
    )
    with pytest.raises(LabError, match="8 kHz"):
        load(tmp_path / "x.wav")


@pytest.mark.real
def test_each_callee_hears_his_own_message_and_not_his_neighbours(stand: Stand, tmp_path: Path) -> None:
    messages = {
        number("listens", 100 + place): speak(
            f"{name}, ваш долг {place + 3} тысяч рублей.", tmp_path / f"{place}.wav"
        )
        for place, name in enumerate(NAMES)
    }
    files = {phone: str(wav.with_suffix("")) for phone, wav in messages.items()}

    def talk(environment: dict[str, str], command: Callable[[str], str]) -> None:
        command(f'STREAM FILE "{files[phone_of(environment)]}" ""')

    with Agi(stand.settings, talk):
        dial(stand.settings, list(messages))
    for phone, wav in messages.items():
        heard = stand.ear.heard(phone)
        assert match(heard, load(wav)).correlation >= 0.9
        others = [match(heard, load(other)).correlation for other in messages.values() if other != wav]
        assert max(others) < 0.7


@pytest.mark.real
def test_a_pause_between_two_messages_is_heard_as_long_as_it_was(stand: Stand, tmp_path: Path) -> None:
    one, other = speak("Первое сообщение.", tmp_path / "1.wav"), speak("А это второе.", tmp_path / "2.wav")
    phone = number("listens", 300)

    def talk(environment: dict[str, str], command: Callable[[str], str]) -> None:
        command(f'STREAM FILE "{one.with_suffix("")}" ""')
        command("WAIT FOR DIGIT 1500")
        command(f'STREAM FILE "{other.with_suffix("")}" ""')

    with Agi(stand.settings, talk):
        dial(stand.settings, [phone])
    heard = stand.ear.heard(phone)
    first, second = match(heard, load(one)), match(heard, load(other))
    assert min(first.correlation, second.correlation) >= 0.9
    pause = second.offset_s - first.offset_s - len(load(one)) / RATE
    assert pause == pytest.approx(1.5, abs=0.15)


@pytest.mark.real
def test_without_our_server_the_callee_hears_the_fallback(stand: Stand, fallback: Path) -> None:
    phone = number("listens", 200)
    dial(stand.settings, [phone])
    found = match(stand.ear.heard(phone), load(fallback))
    assert found.correlation >= 0.9
    (invite,) = [call for call in stand.carrier.sent if call.number == phone]
    assert stand.ear.began(phone) + found.offset_s < invite.at + 2.5, (
        "soon enough not to be taken for silence"
    )
    with pytest.raises(LabError, match="never called"):
        stand.ear.heard(number("listens", 201))
