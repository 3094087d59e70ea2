"""The debtor's script: which call it is, who answered it, and who calls us without saying who he is."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agi_client import ENVIRONMENT
from builders import PHONE, add_attempt, add_campaign, add_lead, all_phrases, settings
from sqlalchemy import Engine

from dialplan.steps import Play
from engine.campaign.talks import Talks
from engine.masking.calls import Calls
from engine.masking.phrases import Phrases
from fastagi.routes import Call, Scenario
from fastagi.scripts import routes
from storage.db import new_id
from storage.vocab import LeadState, Outcome

OURS = "+74951234567"


@pytest.fixture
def talks(engine: Engine, tmp_path: Path) -> Iterator[Talks]:
    made = Talks(engine, settings(tmp_path))
    yield made
    made.close()


@pytest.fixture
def calls(engine: Engine, tmp_path: Path) -> Iterator[Calls]:
    given = settings(tmp_path)
    made = Calls(engine, given, Phrases(engine, given))
    yield made
    made.close()


def opened(talks: Talks, calls: Calls, attempt: str = "", **environment: str) -> Scenario | None:
    """The script's scenario of a call from this environment."""
    call = Call("debtor", "1.1", {}, {**ENVIRONMENT, **environment}, {"ZVONAR_ATTEMPT": attempt})
    route = routes(talks, calls)["debtor"]
    return route.at_hand(call) or route.open(call)


def result(scenario: Scenario | None) -> Any:
    """What its conversation comes to at once; None when it begins to speak."""
    assert scenario is not None
    try:
        assert isinstance(next(scenario.conversation), Play)
    except StopIteration as end:
        return end.value
    return None


@pytest.mark.parametrize(
    "said, outcome",
    [
        ("MACHINE", Outcome.MACHINE),
        ("HUMAN", None),
        ("NOTSURE", None),
        ("HANGUP", None),
        ("", None),
        ("x", None),
    ],
)
def test_the_verdict_of_amd_comes_with_the_call(
    talks: Talks, calls: Calls, engine: Engine, said: str, outcome: Outcome | None
) -> None:
    campaign = add_campaign(engine, phrases=all_phrases(), machine="hangup", amd="fast")
    attempt = add_attempt(engine, add_lead(engine, campaign, state=LeadState.IN_FLIGHT))
    given = {"agi_arg_1": f"ZVONAR_ATTEMPT={attempt['id']}", "agi_arg_2": f"AMDSTATUS={said}"}
    talk = result(opened(talks, calls, str(attempt["id"]), **given))
    assert (talk and talk.outcome) == outcome


@pytest.mark.parametrize(
    "number, presentation, known",
    [
        (PHONE, "0", True),
        (PHONE, "3", True),
        (PHONE, "32", False),
        (PHONE, "35", False),
        ("unknown", "67", False),
    ],
)
def test_a_caller_who_withholds_his_number_is_nobody(
    talks: Talks, calls: Calls, engine: Engine, number: str, presentation: str, known: bool
) -> None:
    now = talks._sheets._settings.now()
    campaign = add_campaign(engine, phrases=all_phrases())
    called = {"caller_id": OURS, "sent_at": now, "ended_at": now, "outcome": "no-answer"}
    add_attempt(engine, add_lead(engine, campaign), id=new_id(now), **called)
    given = {"agi_callerid": number, "agi_callingpres": presentation, "agi_dnid": OURS}
    scenario = opened(talks, calls, **given)
    assert (scenario is not None) == known
    if known:
        assert result(scenario) is None
