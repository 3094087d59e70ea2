"""The door: every ending of a command is one sentence and its exit code; nobody ever sees a traceback."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cli.contact import PARTS
from cli.main import NOUNS, run
from engine import wiring
from storage.db import open_engine
from storage.migrations import head

ZVONAR = Path(sys.executable).with_name("zvonar")
AWAY = "postgresql://nobody:hunter2@127.0.0.1:1/none"


def told(capsys: pytest.CaptureFixture[str], *command: str) -> tuple[int, str]:
    """The exit code and what was said; data on standard output only if it went well."""
    code = run(command)
    out, err = capsys.readouterr()
    assert "Traceback" not in out + err
    assert code in (0, 1, 5) or out == ""
    return code, err


@pytest.mark.parametrize(
    "command, code, sentence",
    [
        ("--help", 0, ""),
        ("--version", 0, ""),
        ("campaign list", 0, ""),
        ("campaign pause autumn", 0, "campaign autumn is paused"),
        ("campaign start autumn", 0, "campaign autumn is running already"),
        ("db upgrade", 0, "the schema is"),
        ("asterisk check --dir nowhere", 1, "zvonar: nowhere is not what the settings ask for"),
        (
            "template render autumn --var name=a --var sum=1 -o /proc/x/a.wav",
            1,
            "zvonar: /proc/x: No such file",
        ),
        ("", 2, "Usage: zvonar"),
        ("nonsense", 2, "No such command 'nonsense'"),
        ("campaign", 2, "Usage: zvonar campaign"),
        ("campaign nonsense", 2, "No such command"),
        ("campaign list --format xml", 2, "'xml' is not one of"),
        (
            "campaign create x --template autumn --trunk none",
            2,
            "zvonar: no trunk named 'none'; there are: trunk",
        ),
        ("campaign create a/b --template autumn --trunk trunk", 2, "zvonar: 'a/b': a name has letters"),
        ("campaign create x --template autumn --trunk trunk --cps 0", 2, "0.0 is not in the range"),
        ("campaign import autumn none.csv", 2, "zvonar: none.csv: No such file"),
        (
            "campaign import autumn debt.toml",
            2,
            "zvonar: debt.toml, line 1: there is no column named `phone`",
        ),
        ("template set x none.toml", 2, "zvonar: none.toml: No such file"),
        ("template set a:b debt.toml", 2, "zvonar: 'a:b': a name has letters"),
        ("template render autumn -o a.wav", 2, "zvonar: template 'autumn' needs a value for: name, sum"),
        ("template render autumn --var name -o a.wav", 2, "zvonar: --var 'name': write NAME=VALUE"),
        ("report campaign autumn -o a.pdf", 2, "zvonar: a.pdf: a report is written as .xlsx or .csv"),
        ("rehearse debtor --from 55555", 2, "zvonar: no such number exists"),
        ("--config none.toml config show", 2, "zvonar: none.toml: no such settings file"),
        ("campaign status none", 3, "zvonar: no campaign named 'none'"),
        ("campaign start draft", 3, "zvonar: campaign 'draft' has no lead left to call"),
        ("template show none", 3, "zvonar: no template named 'none'"),
        ("report campaign none", 3, "zvonar: no campaign named 'none'"),
        ("rehearse debtor --from 9990000000", 3, "zvonar: no campaign has a lead with this number"),
        (
            "campaign create draft --template autumn --trunk trunk",
            4,
            "zvonar: there is a campaign named 'draft'",
        ),
        ("campaign resume draft", 4, "zvonar: campaign 'draft' is draft; it cannot resume"),
    ],
)
def test_each_ending_has_its_exit_code_and_its_sentence(
    ready: Path, capsys: pytest.CaptureFixture[str], command: str, code: int, sentence: str
) -> None:
    found, err = told(capsys, *command.split())
    assert (found, sentence in err) == (code, True), err


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_helps(noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([noun, "--help"]) == 0
    assert f"Usage: zvonar {noun}" in capsys.readouterr().out


@pytest.mark.parametrize("noun", PARTS)
def test_every_noun_of_a_noun_helps(noun: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contact", "--help"]) == 0
    assert f"  {noun} " in capsys.readouterr().out
    assert run(["contact", noun, "--help"]) == 0
    assert f"Usage: zvonar contact {noun}" in capsys.readouterr().out
    assert run([noun, "--help"]) == 2
    assert f"No such command '{noun}'" in capsys.readouterr().err


def test_a_noun_of_nouns_has_verbs_of_its_own_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["contact", "explain", "--help"]) == 0
    assert "Usage: zvonar contact explain" in capsys.readouterr().out
    assert run(["contact", "nonsense"]) == 2


def test_help_imports_no_noun() -> None:
    """Nor what is heavy: it is asked for at every press of a completion key."""
    look = "import sys, cli.main; cli.main.run(['--help']); print([n for n in sys.modules if n in %r])"
    heavy = [*(f"cli.{noun}" for noun in (*NOUNS, *PARTS)), "sqlalchemy", "rich"]
    done = subprocess.run([sys.executable, "-c", look % heavy], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    "command",
    [
        *(
            "db check",
            "db upgrade",
            "campaign list",
            "campaign status x",
            "campaign start x",
            "template list",
        ),
        *("campaign import x debt.toml", "report campaign x", "rehearse debtor --from 9211234567"),
    ],
)
@pytest.mark.parametrize("url", [AWAY, "sqlite:////proc/nowhere/zvonar.db"])
def test_a_database_that_is_away_is_told_without_its_password(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: str, url: str
) -> None:
    monkeypatch.setenv("ZVONAR_DATABASE_URL", url)
    code, err = told(capsys, *command.split())
    assert (code, "zvonar: the database cannot be reached: " in err) == (5, True), err
    assert "hunter2" not in err


def test_a_database_without_its_schema_is_told_with_the_way_out(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert told(capsys, "campaign", "list")[0] == 5
    code, err = told(capsys, "db", "check")
    assert (code, "run `zvonar db upgrade`" in err) == (5, True)
    assert told(capsys, "db", "upgrade") == (0, f"the schema was empty and is {head()} now\n")
    assert told(capsys, "db", "check")[0] == 0


def test_a_database_of_a_newer_version_is_left_alone(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    engine = open_engine(os.environ["ZVONAR_DATABASE_URL"])
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    code, err = told(capsys, "db", "upgrade")
    assert (code, "9999" in err) == (1, True)


@pytest.mark.parametrize(
    "name, value, sentence",
    [
        ("ASTERISK__PORT", "hunter2", "zvonar: asterisk.0.port: "),
        ("DATABASE_URL", "mysql://u:hunter2@h/d", "zvonar: database_url: write sqlite:///FILE"),
        ("NONSENSE", "1", "zvonar: no such setting: ZVONAR_NONSENSE"),
    ],
)
def test_wrong_settings_are_a_usage_error(
    home: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    value: str,
    sentence: str,
) -> None:
    monkeypatch.setenv(f"ZVONAR_{name}", value)
    code, err = told(capsys, "config", "show")
    assert (code, sentence in err, "hunter2" in err) == (2, True, False), err


def test_a_defect_of_ours_is_one_sentence_and_a_file_without_numbers(
    ready: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def break_down(_settings: Any) -> None:
        raise RuntimeError("cannot dial 8 (921) 123-45-67")

    monkeypatch.setattr(wiring, "campaigns", break_down)
    code, err = told(capsys, "campaign", "list")
    assert code == 1
    sentence, file = err.strip().rsplit(" ", 1)
    assert sentence == "zvonar: internal error: RuntimeError; the details are in"
    details = Path(file).read_text()
    Path(file).unlink()
    assert "RuntimeError: cannot dial *4567" in details
    assert "921" not in details.replace(str(ready), "")


@pytest.mark.parametrize("error", [KeyboardInterrupt, EOFError])
def test_an_interruption_has_its_own_code(
    ready: Path, monkeypatch: pytest.MonkeyPatch, error: type[BaseException]
) -> None:
    def interrupted(_settings: Any) -> None:
        raise error

    monkeypatch.setattr(wiring, "campaigns", interrupted)
    assert run(["campaign", "list"]) == 130


# As processes.


def until_it_waits_for_more(pid: int, pipe: int) -> None:
    """Until a process has read all of a pipe and sleeps: a signal just before read() does not wake it."""
    unread = 1
    while unread or Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "S":
        time.sleep(0.02)
        (unread,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))


def test_ctrl_c_in_the_middle_of_an_import_ends_it_at_once(ready: Path) -> None:
    pipe = ready / "list.csv"
    os.mkfifo(pipe)
    command = [ZVONAR, "campaign", "import", "autumn", str(pipe)]
    importing = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with pipe.open("w") as list_:  # opens when the import does
        list_.write("phone\n")
        list_.flush()
        until_it_waits_for_more(importing.pid, list_.fileno())
        importing.send_signal(signal.SIGINT)
        out, err = importing.communicate(timeout=30)
    assert (importing.returncode, out) == (130, "")
    assert "Traceback" not in err


@pytest.mark.parametrize("style", ["table", "json", "csv"])
def test_a_reader_who_has_seen_enough_is_no_error(ready: Path, style: str) -> None:
    command = [ZVONAR, "config", "show", "--format", style]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(30)) == (b"", 0)
    process.stderr.close()


def test_logs_and_progress_go_to_standard_error_and_data_to_standard_output(
    ready: Path, add_list: Callable[[str], str]
) -> None:
    """The voice fails, which is logged, with the name masked."""
    programs = {"PATH": "/nowhere"}
    command = [str(ZVONAR), "template", "render", "autumn", "--var", "name=+79211234567", "--var", "sum=1"]
    done = subprocess.run(
        [*command, "-o", "a.wav"], capture_output=True, text=True, check=False, env=os.environ | programs
    )
    assert (done.returncode, done.stdout) == (1, "")
    first, *_, last = done.stderr.splitlines()
    assert json.loads(first)["event"] == "fragments failed"
    assert last == "zvonar: espeak-ng is not installed"
    command = [str(ZVONAR), "campaign", "import", "autumn", add_list("9211230000;a;1\n"), "--format", "json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout)["imported"] == 1


@pytest.fixture
def add_list(home: Path) -> Callable[[str], str]:
    def add(rows: str) -> str:
        (home / "list.csv").write_text("phone;name;sum\n" + rows)
        return str(home / "list.csv")

    return add
