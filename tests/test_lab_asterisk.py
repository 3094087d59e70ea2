"""A real Asterisk with our configuration: how each kind of callee looks to it, who may do what, its end."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from lab_line import dial, dialer, watcher

from lab import LabError, chroot
from lab.carrier import MOVED_TO
from lab.kinds import KINDS, kind_of, number
from lab.stand import Stand

pytestmark = pytest.mark.real

# (Cause, TechCause, OriginateResponse's Reason, Newstate Ringing) of each kind; etc/lab/README.md shows it.
ANSWERED = ("16", "", "4", True)
MEASURED = {
    "hangs-up": ("0", "", "4", True),  # the callee's BYE carries no cause
    "rings": ("19", "480", "3", True),
    "tones": ("19", "480", "3", False),
    "silence": ("18", "408", "0", False),
    "busy": ("17", "486", "0", False),
    "no-such-number": ("1", "404", "0", False),
    "switched-off": ("19", "480", "0", False),
    "absent": ("19", "480", "0", False),
    "forbidden": ("21", "403", "0", False),
    "declines": ("21", "603", "0", False),
    "no-circuit": ("34", "503", "0", False),
    "carrier-timeout": ("18", "408", "0", False),
    "changed-number": ("22", "410", "0", False),
    "short-number": ("28", "484", "0", False),
    "carrier-fault": ("38", "500", "0", False),
    "no-codec": ("58", "488", "0", False),
}


def test_every_kind_of_callee_ends_as_measured(stand: Stand) -> None:
    kinds = [kind for kind in KINDS.values() if kind.name != "moved"]
    numbers = [kind.number() for kind in kinds] + [number("busy", 1, 2), number("switched-off", 1, 2)]
    calls = dial(stand.settings, numbers)
    seen = {phone: (*call.ending, call.reason, call.rang) for phone, call in calls.items()}
    expected = {kind.number(): MEASURED.get(kind.name, ANSWERED) for kind in kinds}
    expected[number("busy", 1, 2)] = ("17", "486", "0", True)
    expected[number("switched-off", 1, 2)] = ("19", "480", "0", True)
    assert {kind_of(phone).name + phone: row for phone, row in seen.items()} == {
        kind_of(phone).name + phone: row for phone, row in expected.items()
    }
    # No SIP reply looks like the carrier's own 408 in all but its time: timer B, 64 x T1 of 125 ms.
    assert calls[number("silence")].seconds >= 8
    assert calls[number("carrier-timeout")].seconds < 8
    invited = [call.number for call in stand.carrier.sent if call.number in numbers]
    assert sorted(invited) == sorted(numbers), "each was dialled, and once"


def test_a_redirect_is_not_followed(stand: Stand) -> None:
    """A 302 names a number of the carrier's choice; 23 and 302, or no cause: Asterisk itself races there."""
    call = dial(stand.settings, [number("moved")])[number("moved")]
    assert call.ending in (("23", "302"), ("0", "")) and call.reason == "0"
    assert MOVED_TO not in [sent.number for sent in stand.carrier.sent]


def test_the_dialing_user_has_no_more_rights_than_it_needs(stand: Stand) -> None:
    ami = dialer(stand.settings)
    refused = [
        ami.ask(Action="Command", Command="core show version"),
        ami.ask(Action="GetConfig", Filename="manager.conf"),
        ami.ask(Action="UpdateConfig", SrcFilename="a.conf", DstFilename="a.conf"),
        ami.ask(Action="Originate", Channel="PJSIP/1@lab", Application="System", Data="id", Async="true"),
        ami.ask(Action="Getvar", Variable="SHELL(id)"),
        ami.ask(Action="ModuleLoad", LoadType="load", Module="app_system.so"),
    ]
    assert [answer["Response"] for answer in refused] == ["Error"] * len(refused)
    for action in ("CoreSettings", "CoreShowChannels"):
        assert ami.ask(Action=action)["Message"] == "Permission denied", action
    assert ami.ask(Action="Ping")["Response"] == "Success"
    assert "No such channel" in ami.ask(Action="Hangup", Channel="nobody")["Message"], "may hang up"
    ami.close()


def test_the_watching_user_may_look_and_do_nothing(stand: Stand) -> None:
    """The list of live channels must come through the connection of the events: only so is it in order."""
    ami = watcher(stand.settings)
    for action in ("CoreSettings", "CoreShowChannels"):
        assert ami.ask(Action=action)["Response"] == "Success", action
    for action in ("Originate", "Hangup", "Command", "Redirect"):
        answer = ami.ask(
            Action=action, Channel="PJSIP/1@lab", Context="zvonar-debtor", Exten="start", Priority=1
        )
        assert (answer["Response"], answer["Message"]) == ("Error", "Permission denied"), action
    ami.close()


def test_only_our_events_are_told(stand: Stand) -> None:
    ami = watcher(stand.settings)
    dial(stand.settings, [number("listens", 7)])
    heard = set()
    while "Hangup" not in heard:
        heard.add(ami.read().get("Event"))
    ami.close()
    assert heard - {None} <= {"FullyBooted", "Newstate", "OriginateResponse", "Hangup"}


def test_killed_and_started_again_it_answers_on_the_same_ports(tmp_path: Path) -> None:
    with Stand(tmp_path) as stand:
        first = stand.node.pid
        stand.node.kill()
        assert not stand.node.is_up()
        stand.node.start()
        assert stand.node.pid != first
        assert dial(stand.settings, [number("busy")])[number("busy")].ending == ("17", "486")


def test_two_run_at_once(stand: Stand, tmp_path: Path) -> None:
    with Stand(tmp_path) as other:
        for each in (stand, other):
            assert dial(each.settings, [number("busy", 9)])[number("busy", 9)].ending == ("17", "486")
        assert [call.number for call in other.carrier.sent] == [number("busy", 9)]


def test_a_configuration_that_cannot_work_shows_the_log(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    (stand.node.conf / "stasis.conf").write_text(
        "[declined_message_types]\ndecline = ast_channel_dial_type\n"
    )
    with pytest.raises(LabError, match="Failed to load module manager"), stand:
        pass
    assert not stand.node.is_up()


HOLDER = """
import sys, time
from pathlib import Path
from lab.stand import Stand
with Stand(Path(sys.argv[1])) as stand:
    print(stand.node.pid, stand.carrier.pid, flush=True)
    time.sleep(300)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_killing_the_parent_leaves_no_process_and_no_mount(tmp_path: Path, how: signal.Signals) -> None:
    before = mounted(chroot.cache(), tmp_path)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)], stdout=subprocess.PIPE, env=environment, text=True
    )
    assert holder.stdout is not None
    with holder:
        pids = [int(word) for word in holder.stdout.readline().split()]
        assert len(pids) == 2
        assert all(Path(f"/proc/{pid}").exists() for pid in pids)
        holder.send_signal(how)
    deadline = time.monotonic() + 20
    while any(str(tmp_path) in command for command in running()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [command for command in running() if str(tmp_path) in command]
    assert mounted(chroot.cache(), tmp_path) == before


def mounted(*places: Path) -> list[str]:
    """What is mounted there or below; elsewhere others mount and unmount as they like."""
    there = (line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines())
    return [point for point in there if any(Path(point).is_relative_to(place) for place in places)]


def running() -> list[str]:
    """The command lines of all processes but our own."""
    lines = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            lines.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended meanwhile
            continue
    return lines


def call_in(stand: Stand, source: str, number: str, log: Path) -> str:
    """A SIP call to Asterisk from an address to a number; the SIP messages of it."""
    port = stand.node.node.sip.rpartition(":")[2]
    caller = ["sipp", "-sn", "uac", "-i", source, "-m", "1", "-s", number, "-d", "300", "-timeout", "10s"]
    caller += ["-nostdin", "-trace_msg", "-message_file", str(log), f"127.0.0.1:{port}"]
    subprocess.run(caller, capture_output=True, timeout=30, check=False)
    return log.read_text()


def test_a_stranger_on_the_network_is_not_let_in(stand: Stand, tmp_path: Path) -> None:
    messages = call_in(stand, "127.0.0.2", "74950000000", tmp_path / "messages.log")
    assert "SIP/2.0 401" in messages
    assert "SIP/2.0 180" not in messages and "SIP/2.0 200" not in messages


def test_who_calls_back_is_answered_and_no_other_extension_is_there(stand: Stand, tmp_path: Path) -> None:
    assert "SIP/2.0 200" in call_in(stand, "127.0.0.1", "74950000000", tmp_path / "back.log")
    for other in ("start", "5&PJSIP", "7495000000000000"):
        messages = call_in(stand, "127.0.0.1", other, tmp_path / f"{other}.log")
        assert "SIP/2.0 404" in messages and "SIP/2.0 200" not in messages, other
