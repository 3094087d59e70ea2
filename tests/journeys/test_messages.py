"""One list, three templates, three languages: each callee hears what is for him. On a real Asterisk."""

import json

import pytest
from builders import FOR_CONTACTS
from journeys.conftest import listed, outcomes, people
from journeys.test_debtor_calls import LIKE

from engine.speech.message import message_of
from engine.speech.service import Speech
from engine.speech.templates import Templates
from lab.ear import load, match
from lab.shell import Shell
from storage.db import open_engine

DEBT = """
[[fragment]]
name = "greeting"
text = {ru = "Здравствуйте, {name}!", en = "Hello, {name}!", uz = "Assalomu alaykum, {name}!"}
[[fragment]]
name = "debt"
text = {ru = "Ваш долг {sum:rub}.", en = "You owe {sum:rub}.", uz = "Qarzingiz {sum:rub}."}
"""
LARGE = '[[fragment]]\ntext = "{name}, дело срочное, перезвоните нам сегодня."\n'
# name, sum, role, lang; and the template that is for him.
WHO = {
    "ru": (("Анна", "124050", "", ""), "debt"),
    "en": (("Mary", "124050", "debtor", "en"), "debt"),
    "uz": (("Botir", "70000", "", "uz"), "debt"),
    "friend": (("Вера", "", "contact", ""), "friends"),
    "large": (("Глеб", "99000000", "", ""), "large"),
}


def files(shell: Shell, template: str, row: dict[str, str]) -> list[str]:
    """A message rendered directly: its files in order."""
    engine = open_engine(shell.database_url)
    speech = Speech(engine, shell.stand.settings)
    message = message_of(Templates(engine, speech).newest(template))
    lang = row["lang"] or message.template.lang
    made = speech.make(message.pieces(row, lang), lang).whole()
    return [str(speech.cache.path(clip.name)) for clip in message.clips(row, made, lang)]


@pytest.mark.timeout(240)
def test_each_callee_hears_his_own_template_in_his_own_language(opened, postgres_url, tmp_path):
    shell = opened(postgres_url)
    for name, source in {"debt": DEBT, "friends": FOR_CONTACTS, "large": LARGE}.items():
        (tmp_path / f"{name}.toml").write_text(source)
        shell.zvonar("template", "set", name, str(tmp_path / f"{name}.toml"))
    told = [who for who, _template in WHO.values()]
    rows = [
        {"external_id": row["external_id"], "phone": row["phone"]}
        | dict(zip(("name", "sum", "role", "lang"), own, strict=True))
        for row, own in zip(people([("listens", 0)] * len(WHO)), told, strict=True)
    ]
    rules = ("--message", "role = 'contact': friends", "--message", "sum >= 10000000: large")
    shell.zvonar(
        *("campaign", "create", "c", "--template", "debt", "--trunk", "lab", "--law", "none"), *rules
    )
    shell.zvonar("campaign", "import", "c", listed(rows, shell.folder / "c.csv"))
    shell.zvonar("campaign", "start", "c")
    shell.serve("all")
    shell.until("c", lambda now: now["state"] == "done", 120)

    assert set(outcomes(shell).values()) == {"answered-heard"}
    debts = files(shell, "debt", rows[0] | {"lang": ""})
    for row, (_own, template) in zip(rows, WHO.values(), strict=True):
        heard = shell.stand.ear.heard(row["phone"])
        found = [match(heard, load(file)) for file in files(shell, template, row)]
        assert min(one.correlation for one in found) >= LIKE, (row["external_id"], template)
        assert found == sorted(found, key=lambda one: one.offset_s)
        if template != "debt":  # nothing of the debt reaches him
            assert min(match(heard, load(file)).correlation for file in debts[1:]) < LIKE
    report = json.loads(shell.zvonar("report", "campaign", "c", "--by", "template", "--format", "json"))
    heard_by = {row["template"]: row["count"] for row in report if row["measure"] == "heard"}
    assert heard_by == {"debt": 3, "friends": 1, "large": 1}
