"""The stand: settings that fit it, for us and for programs beside us."""

from pathlib import Path

import pytest

from dialplan.contexts import Node
from engine.sections import Trunk
from engine.settings import load
from lab import LabError
from lab.process import Process
from lab.stand import Stand


def test_its_environment_says_the_same_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand = Stand(tmp_path, dialer={"dial_timeout_s": 19}, company={"name": "Рога и копыта"}, lang="en")
    for name, value in stand.environment.items():
        monkeypatch.setenv(name, value)
    loaded = load()
    assert loaded.model_dump() == stand.settings.model_dump()
    assert loaded.dialer.dial_timeout_s == 19
    assert (
        load().asterisk[0].secret.get_secret_value() == stand.settings.asterisk[0].secret.get_secret_value()
    )


def test_a_given_trunk_and_node_keep_all_but_their_addresses(tmp_path: Path) -> None:
    stand = Stand(tmp_path, trunk=Trunk(name="t", endpoint="e", cps=7), node=Node(qualify_s=2))
    (trunk,) = stand.settings.trunk
    assert (trunk.name, trunk.endpoint, trunk.cps) == ("t", "e", 7)
    assert trunk.address == f"127.0.0.1:{stand.carrier.port}"
    assert stand.node.node.qualify_s == 2
    assert stand.node.node.sip in (stand.node.conf / "pjsip.conf").read_text()


def test_a_program_that_does_not_become_ready_is_told_with_its_last_words(tmp_path: Path) -> None:
    dying = Process(["sh", "-c", "echo Goodbye; exit 3"], tmp_path / "log")
    with pytest.raises(LabError, match=r"(?s)status 3.*Goodbye"):
        dying.wait_for(lambda: False, 10, "it")
    slow = Process(["sleep", "30"], tmp_path / "slow.log")
    with pytest.raises(LabError, match="not ready after"):
        slow.wait_for(lambda: False, 0.1, "it")
    slow.stop()
    assert not slow.alive


def test_a_program_that_does_not_listen_is_killed_with_all_its_children(tmp_path: Path) -> None:
    deaf = Process(["sh", "-c", "trap '' TERM; sleep 98 & sleep 98"], tmp_path / "log", isolated=True)
    deaf.wait_for(lambda: deaf.pid != deaf.popen.pid, 10, "it")
    deaf.stop(0.2)
    assert not deaf.alive and not Path(f"/proc/{deaf.popen.pid}").exists()
