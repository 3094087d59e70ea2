"""Logs: no phone number appears whole, in whatever form or place; ids and times stay readable."""

import json
import subprocess
import sys
from typing import Any

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.telemetry import mask, mask_numbers

PROGRAM = """
import logging, structlog
from engine import telemetry
telemetry.setup("info")
log = telemetry.logger("test")
structlog.contextvars.bind_contextvars(call_id="0190163d-8694-739b-aea5-966c26f8ad90")
{body}
"""


def lines(body: str) -> list[dict[str, Any]]:
    """What a process of its own logs, as JSON; nothing may reach its standard output."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(body=body)], capture_output=True, text=True, check=True
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


@pytest.mark.parametrize(
    "written",
    [
        *(
            "+79211234567",
            "79211234567",
            "89211234567",
            "9211234567",
            "8 (921) 123-45-67",
            "+7 921 123 45 67",
        ),
        *("8-921-123-45-67", "8(921)1234567", "+7(921)123.45.67", "8 (921) 123–45–67", "+7.9211234567"),
        *("8\u00a0921\u00a0123\u00a045\u00a067", "%2B79211234567", "tel:+79211234567", "x79211234567"),
        *("PJSIP/79211234567@trunk", "call_79211234567.wav", "debtors-79211234567.csv", "номер79211234567,"),
        *('{"phone": "79211234567"}', "<sip:+79211234567@10.0.0.1:5060>", "ended.79211234567"),
    ],
)
def test_a_number_is_masked_however_it_is_written(written: str) -> None:
    shown = mask(f"before {written} after")
    assert "*4567" in shown
    assert "921" not in shown
    assert shown.startswith("before ")
    assert shown.endswith(" after")


@pytest.mark.parametrize(
    "text",
    [
        *(
            "0190163d-8694-739b-aea5-966c26f8ad90",
            "01901636-8694-7390-8005-966126081190",
            "ab" * 32,
            "12" * 32,
        ),
        *("2026-01-21T10:15:00.123456Z", "2026-01-21 10:15:00", "on 2026-01-21 2026-01-22 and later"),
        *("took 12.345678901 s", "1769000000.123", "10.100.200.200:5038", "192.168.100.200", "22.10.1"),
        *("127.0.0.1:4573", "trunk-00000012", "486 404 16", "123456789", "agi://127.0.0.1:4573/debtor"),
    ],
)
def test_ids_times_and_addresses_are_left_alone(text: str) -> None:
    assert mask(text) == text


@st.composite
def numbers(draw: st.DrawFn) -> str:
    """E.164 numbers of many countries."""
    region = draw(st.sampled_from(["RU", "KZ", "US", "DE", "GB", "CN", "BR", "UA", "GE"]))
    example = phonenumbers.example_number_for_type(region, phonenumbers.PhoneNumberType.MOBILE)
    digits = str(example.national_number)
    tail = draw(st.text("0123456789", min_size=6, max_size=6))
    return f"+{example.country_code}{digits[:-6]}{tail}"


@given(numbers(), st.text(max_size=20), st.text(max_size=20), st.booleans())
def test_no_number_survives_any_surroundings(number: str, before: str, after: str, plus: bool) -> None:
    """Digits and dots that touch it would make it another number; hex digits after them an id."""
    written = number if plus else number[1:]
    shown = mask(
        f"{before.rstrip('0123456789abcdefABCDEF.')}{written}{after.lstrip('0123456789abcdefABCDEF.')}"
    )
    assert number[1:] not in shown


@given(numbers())
def test_no_number_survives_in_any_value(number: str) -> None:
    values = {
        "text": f"to {number}",
        "int": int(number),
        "float": float(number),
        "list": [number, (number,), {number}],
        "dict": {number: {"deep": [number]}},
        "bytes": number.encode(),
        "error": ValueError(number),
        "object": type("Thing", (), {"__repr__": lambda _self: f"<Thing {number}>"})(),
        "call_id": number,
    }
    shown = mask_numbers(None, "info", dict(values))
    assert number[1:] not in repr(shown)
    assert number[-4:] in repr(shown)


def test_other_values_keep_their_kind() -> None:
    event = {"n": 5, "s": 0.25, "yes": True, "none": None, "rows": [1, "a"], "inf": float("inf")}
    assert mask_numbers(None, "info", dict(event)) == event


def test_lines_are_json_with_the_call_and_the_part_and_masked() -> None:
    (line,) = lines('log.info("dialled", to="+79211234567", n=3)')
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "dialled",
        "level": "info",
        "part": "test",
        "call_id": "0190163d-8694-739b-aea5-966c26f8ad90",
        "to": "*4567",
        "n": 3,
    }


def test_tracebacks_are_masked_to_the_last_line() -> None:
    body = """
def dial(number):
    raise ValueError(f"cannot dial {number}")
try:
    dial("8 (921) 123-45-67")
except ValueError:
    log.exception("failed")
"""
    (line,) = lines(body)
    assert "cannot dial *4567" in line["exception"]
    assert "921" not in line["exception"]


def test_the_libraries_own_logs_go_the_same_way() -> None:
    first, second = lines(
        """
logging.getLogger("sqlalchemy").warning("row %s", ("+79211234567",), extra={"phone": "+79211234567"})
try:
    int("+79211234567x")
except ValueError:
    logging.getLogger("asyncio").exception("lost")
logging.getLogger("quiet").info("not told")
"""
    )
    assert (first["event"], first["phone"], first["level"]) == ("row ('*4567',)", "*4567", "warning")
    assert "*4567x" in second["exception"]


def test_a_level_that_is_not_wanted_is_not_written() -> None:
    assert [line["event"] for line in lines('log.debug("a"); log.info("b")')] == ["b"]


def test_the_last_errors_are_kept_for_watchers_masked_and_short() -> None:
    (told,) = lines(
        """
log.warning("not this")
for n in range(7):
    log.error("lost", n=n, to="+79211234567", why="x" * 500, text="a\\nb")
log.info("kept", errors=telemetry.last_errors())
"""
    )[-1:]
    assert [error["text"][:16] for error in told["errors"]] == [f"lost n={n} to=*456" for n in range(2, 7)]
    assert {len(error["text"]) for error in told["errors"]} == {200}
    assert all(error["at"] for error in told["errors"])
