"""engine.contact.words: what rules found, as sentences in two languages, without a number in them."""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from test_engine_rules import CASES, LAWS, MOMENTS

from engine.contact import rules
from engine.contact.queue import hears, queue_rules
from engine.contact.rules import Finding, Verdict, decide
from engine.contact.words import SENTENCES, sentence
from storage.vocab import CampaignState, LeadState

NOON = datetime(2026, 1, 21, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOSCOW = ZoneInfo("Europe/Moscow")
PHONE = "+79211234567"


def told(finding: Finding) -> Iterator[str]:
    for lang in ("ru", "en"):
        yield sentence(finding, lang)


@given(CASES, LAWS, MOMENTS)
def test_every_finding_has_a_sentence_without_a_number(case: Any, law: Any, at: datetime) -> None:
    for finding in decide(case, law, at).findings:
        for text in told(finding):
            assert text and "{" not in text and "None" not in text
            assert PHONE not in text and "9211234567" not in text


def constants() -> set[str]:
    """Every text in rules.py; codes of two words are among them, and those of one."""
    tree = ast.parse(Path(rules.__file__).read_text(encoding="utf-8"))
    return {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_every_code_has_a_sentence_and_every_sentence_a_code() -> None:
    queue = {f"campaign-{state}" for state in CampaignState} | {f"lead-{state}" for state in LeadState}
    queue |= {"no-lead", "lead-later", "lead-call-back", "lead-promise", "hears"}
    assert {word for word in constants() if re.fullmatch(r"[a-z]+(-[a-z]+)+", word)} <= set(SENTENCES)
    assert set(SENTENCES) - queue <= constants()
    assert queue <= set(SENTENCES)


class Lead(NamedTuple):
    """As much of a lead as the queue's rules ask."""

    state: str
    why: str = "no-consent"
    outcome: str = "answered-heard"
    due_at: datetime = NOON
    waits: str = ""


def test_the_queue_has_sentences_too() -> None:
    later = Lead(LeadState.PENDING, due_at=NOON + DAY)
    leads = [None, later, later._replace(waits="call-back"), *(Lead(state) for state in LeadState)]
    (_, asked) = queue_rules("autumn", CampaignState.RUNNING, leads[2], NOON)
    assert asked.code == "lead-call-back"
    leads.append(later._replace(waits="promise"))
    (_, promised) = queue_rules("autumn", CampaignState.RUNNING, leads[-1], NOON)
    assert promised.code == "lead-promise"
    for state in CampaignState:
        for lead in leads:
            for finding in queue_rules("autumn", state, lead, NOON):
                assert all(text and "{" not in text for text in told(finding))


def finding(code: str, until: datetime | None = None, **values: Any) -> Finding:
    return Finding("rule", Verdict.WAIT, code, values, until=until)


ANY = {"if": "", "templates": [["a", 100]]}
LOCAL = datetime(2026, 1, 21, 23, 10, tzinfo=MOSCOW)
SAID = [
    (
        hears([{"if": "debt > 5", "templates": [["a", 50], ["b", 50]]}, ANY], "a", "soft", 3, "ru"),
        "услышит шаблон soft, версия 3 (ru); выбран по условию: debt > 5, всем остальным",
        "he hears template soft, version 3 (ru); chosen by: debt > 5, everybody",
    ),
    (
        hears([ANY], "z", "soft", 1, "uz"),
        "услышит шаблон soft, версия 1 (uz); выбран по условию: прежние правила кампании",
        "he hears template soft, version 1 (uz); chosen by: earlier",
    ),
    (
        hears([], "z", "soft", 1, "en"),
        "услышит шаблон soft, версия 1 (en); выбран по условию: всем остальным",
        "he hears template soft, version 1 (en); chosen by: everybody",
    ),
    (
        finding("hours-closed", zone="Europe/Moscow", local=LOCAL, window="08:00-22:00", opens=LOCAL + DAY),
        "у него 21.01.2026 23:10 Europe/Moscow, часы 08:00-22:00; откроется 22.01.2026 23:10 Europe/Moscow",
        "it is 2026-01-21 23:10 Europe/Moscow with him, hours 08:00-22:00;"
        " opens 2026-01-22 23:10 Europe/Moscow",
    ),
    (
        finding("limit-reached", used=1, most=1, limit="day", counts="connected", scope="person", frees=NOON),
        "предел «день» исчерпан: 1 из 1 (соединённые; на человека); освободится 21.01.2026 12:00 UTC",
        "limit 'day' reached: 1 of 1 (connected; person); frees 2026-01-21 12:00 UTC",
    ),
    (
        finding("blacklisted", NOON, kind="number", scope="global", reason="жалоба с +79211234567"),
        "в чёрном списке (на номер, область всюду): жалоба с *4567; срок: 21.01.2026 12:00 UTC",
        "on the blacklist (number, scope global): жалоба с *4567; until: 2026-01-21 12:00 UTC",
    ),
    (
        finding("blacklisted", kind="person", scope="autumn", reason="x"),
        "в чёрном списке (на человека, область autumn): x; срок: бессрочно",
        "on the blacklist (person, scope autumn): x; until: no end",
    ),
    (
        finding("not-announced", what=["caller", "opt-out"]),
        "не объявляется: кто звонит, как отказаться",
        "not announced: caller, opt-out",
    ),
]


@pytest.mark.parametrize("one, russian, english", SAID)
def test_sentences(one: Finding, russian: str, english: str) -> None:
    assert list(told(one)) == [russian, english]


def test_dates_of_a_law() -> None:
    values = {"pack": "p", "version": "2", "from": date(2026, 2, 1), "until": None}
    one = Finding("law:p", Verdict.NEVER, "not-in-force", values)
    assert list(told(one)) == [
        "p, версия 2: не действует (с 01.02.2026 по бессрочно)",
        "p, version 2: not in force (from 2026-02-01 until no end)",
    ]
