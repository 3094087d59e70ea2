"""`zvonar campaign watch`: the picture in its parts, in both languages; and how it ends."""

import json
import os
import pty
import signal
import subprocess
import time
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cli.main import run
from cli.watch import frame
from lab.shell import ZVONAR
from storage.vocab import Outcome

AT = datetime(2026, 1, 21, 12, 30, tzinfo=UTC)
PICTURE: dict[str, Any] = {
    "name": "autumn",
    "state": "paused",
    "why": "слишком много [мёртвых] номеров",
    "leads": {"total": 100, "pending": 50, "in_flight": 2, "done": 40, "blocked": 8},
    "attempts": {"total": 40, "answered-heard": 30, "busy": 8, "machine": 0, "unknown": 2},
    "rate": {"cps": 4.5, "cps_limit": 5.0, "channels": 2, "channels_limit": 30},
    "operators": {"queue": "sales", "abandoned_share": 0.025, "abandoned_limit": 0.03},
    "answer_rate": 0.75,
    "at": AT,
    "stopped": {"at": AT, "actor": "anna", "reason": "wrong text"},
    "zones": [
        {
            "zones": "Europe/Moscow",
            "open": True,
            "local": ["15:30"],
            "opens_at": None,
            "due": {"5": 1000, "0": 7},
        },
        {"zones": "Asia/Omsk", "open": False, "local": ["18:30"], "opens_at": AT, "due": {"0": 3}},
    ],
    "trunks": [
        {
            "trunk": "main",
            "dialer": "d1",
            "cps": 0.0,
            "cps_limit": 5.0,
            "channels": 2,
            "channels_limit": 10,
            "breaker": "open",
            "opens_in_s": 17,
            "offenders": ["01aa"],
        }
    ],
    "nodes": [
        {"node": "east", "dialer": "d1", "connected": True, "used": 2, "channels": 90, "drained": True}
    ],
    "dialers": [{"dialer": "d1", "holder": "h", "able": True, "left_s": 9.8, "clock": ""}],
    "errors": [{"dialer": "d1", "at": "2026-01-21T12:29:00Z", "text": "no voice [x]"}],
}
RUSSIAN = [
    *("autumn  приостановлена", "UTC 12:30:00", "ВСЁ ОСТАНОВЛЕНО: 2026-01-21 12:30 UTC, anna wrong text"),
    *("слишком много [мёртвых] номеров", "ждут звонка 50", "звонков в секунду 4.5 (предел 5)"),
    *("занято каналов 2 (предел 30)", "отвечают 75.0 %", "sales", "2.5 % (предел 3.0 %)"),
    *("прослушал до конца", "Europe/Moscow", "1000+ (приоритет 5), 7 (приоритет 0)", "сейчас день"),
    *("отключён 17 s", "01aa", "2 / 90", "12:29:00 d1: no voice [x]"),
]
ENGLISH = [
    *("autumn  paused", "everything is stopped", "leads.pending 50", "(limit 5)", "answered-heard"),
    *("day now", "1000+ (priority 5)", "open 17 s"),
]


def shown(picture: dict[str, Any], lang: str) -> str:
    console = Console(width=200, record=True, file=StringIO())
    console.print(frame(picture, lang))
    return console.export_text()


@pytest.mark.parametrize("lang, words", [("ru", RUSSIAN), ("en", ENGLISH)])
def test_every_part_is_in_the_picture(lang: str, words: list[str]) -> None:
    text = shown(PICTURE, lang)
    assert [word for word in words if word not in text] == [], text


def test_bars_are_as_long_as_shares() -> None:
    lines = {line.split()[0]: line.count("█") for line in shown(PICTURE, "en").splitlines() if "█" in line}
    assert lines == {"answered-heard": 22, "busy": 6, "unknown": 2}


def test_an_empty_campaign_without_a_dialer_says_so() -> None:
    nothing = dict.fromkeys(("zones", "trunks", "nodes", "dialers", "errors"), ())
    calm = {"stopped": None, "why": "", "state": "running", "answer_rate": None, "attempts": {"total": 0}}
    text = shown(PICTURE | nothing | calm, "en")
    assert "no dialer runs" in text
    assert "nobody is due" in text
    assert "stopped" not in text


def test_once_it_is_one_picture_or_one_document(ready: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["campaign", "watch", "autumn", "--once"]) == 0
    plain = capsys.readouterr().out
    assert "autumn  идёт" in plain
    assert "\x1b" not in plain
    assert run(["campaign", "watch", "autumn", "--once", "--format", "json"]) == 0
    seen = json.loads(capsys.readouterr().out)
    assert (seen["name"], seen["leads"]["total"]) == ("autumn", 1)
    assert set(seen["attempts"]) == {"total", *Outcome}
    assert {"stopped", "answer_rate", "zones", "trunks", "nodes", "dialers", "errors"} < set(seen)


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["autumn"], 2),
        (["autumn", "--format", "json"], 2),
        (["autumn", "--once", "--format", "csv"], 2),
        (["winter", "--once"], 3),
    ],
)
def test_what_cannot_be_shown_is_told(
    ready: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int
) -> None:
    assert run(["campaign", "watch", *arguments]) == code
    assert capsys.readouterr().err


def test_ctrl_c_ends_it_quietly(ready: Path) -> None:
    ours, its = pty.openpty()
    watching = subprocess.Popen(
        [ZVONAR, "campaign", "watch", "autumn", "--interval", "0.5"],
        stdout=its,
        stderr=subprocess.PIPE,
        env=os.environ | {"TERM": "xterm"},
    )
    try:
        os.close(its)
        text, deadline = b"", time.monotonic() + 60
        while text.count(b"autumn") < 3 and time.monotonic() < deadline:
            text += os.read(ours, 65536)
        assert text.count(b"autumn") >= 3, "one picture after another"
        watching.send_signal(signal.SIGINT)
        _, err = watching.communicate(timeout=30)
        assert (watching.returncode, err.strip()) == (130, b"")
    finally:
        watching.kill()
        os.close(ours)
