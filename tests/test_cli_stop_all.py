"""`zvonar stop-all` and `zvonar asterisk drain`: what operators switch, and what they are told."""

import json
from pathlib import Path

import pytest

from cli.main import run


def told(capsys: pytest.CaptureFixture[str], command: str) -> tuple[int, str, str]:
    code = run(command.split())
    seen = capsys.readouterr()
    return code, seen.out, seen.err


def test_everything_is_stopped_once_and_a_start_says_so(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "stop-all --dry-run")[2] == "1 campaigns run, 0 calls are under way\n"
    assert told(capsys, "campaign pause autumn")[0] == 0
    assert "nothing is dialled" not in told(capsys, "campaign resume autumn")[2]
    assert told(capsys, "stop-all --reason trial")[2].startswith("everything is stopped: 1 campaigns run")
    assert "stopped already" in told(capsys, "stop-all --yes")[2]
    assert "but nothing is dialled" in told(capsys, "campaign start autumn")[2]
    assert "dialling goes on" in told(capsys, "stop-all --release --yes")[2]
    assert told(capsys, "stop-all --release --yes")[2] == "nothing was stopped\n"


@pytest.mark.parametrize("option", ["--hangup", "--release"])
def test_what_ends_or_begins_calls_is_asked_about_and_cron_says_yes(
    ready: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    code, _out, err = told(capsys, f"stop-all {option}")
    assert (code, "--yes" in err) == (2, True)
    assert told(capsys, f"stop-all {option} --yes")[0] == 0


def test_hanging_up_and_letting_go_on_do_not_go_together(
    ready: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "stop-all --hangup --release --yes")[0] == 2


def test_a_node_is_drained_and_shown(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, "asterisk drain nowhere")[0] == 3
    assert "asterisk is drained;" in told(capsys, "asterisk drain asterisk --reason disk")[2]
    assert "drained already" in told(capsys, "asterisk drain asterisk")[2]
    code, out, err = told(capsys, "asterisk status --format json")
    (row,) = json.loads(out)
    assert (code, err) == (0, "no dialer runs\n")
    assert list(row) == ["node", "dialer", "connected", "used", "channels", "drained"]
    assert (row["node"], row["dialer"], row["connected"], row["drained"]) == ("asterisk", "", False, True)
    assert "gets calls again" in told(capsys, "asterisk undrain asterisk")[2]
    assert "was not drained" in told(capsys, "asterisk undrain asterisk")[2]
    assert "соединён" in told(capsys, "--lang ru asterisk status")[1]


def test_a_campaign_is_changed_from_the_command_line(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _err = told(capsys, "campaign set autumn cps=9 priority=-2 --format json")
    assert (code, json.loads(out)) == (
        0,
        [
            {"setting": "cps", "old": 5.0, "new_value": 9.0},
            {"setting": "priority", "old": 0, "new_value": -2},
        ],
    )
    assert "already" in told(capsys, "campaign set autumn cps=9")[2]
    assert told(capsys, "campaign set autumn cps=fast")[0] == 2
    assert told(capsys, "campaign set winter cps=9")[0] == 3
