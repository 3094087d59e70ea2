"""AMD by our presets on a real Asterisk: who says hello, who says nothing, a machine with its greeting."""

import time
from collections.abc import Callable

import pytest
from lab_line import Agi, dial, phone_of

from engine.campaign.machines import PRESETS
from lab.kinds import number
from lab.stand import Stand
from storage.vocab import Amd

pytestmark = pytest.mark.real

HELLO, SILENT, MACHINE = (number(kind) for kind in ("hello", "listens", "greets"))


@pytest.fixture(scope="module", params=list(PRESETS))
def preset(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def taken(stand: Stand, preset: str) -> dict[str, tuple[str, float]]:
    """Callee -> what AMD took him for, and how long after his answer our conversation began."""
    begun: dict[str, tuple[str, float]] = {}

    def talk(environment: dict[str, str], _command: Callable[[str], str]) -> None:
        begun[phone_of(environment)] = (environment["agi_arg_2"], time.monotonic())

    with Agi(stand.settings, talk):
        calls = dial(stand.settings, [HELLO, SILENT, MACHINE], more=f",ZVONAR_AMD={preset}")
    return {
        phone: (said.removeprefix("AMDSTATUS=").lower(), at - calls[phone].answered_at)
        for phone, (said, at) in begun.items()
    }


def test_each_is_taken_for_what_he_is(taken: dict[str, tuple[str, float]]) -> None:
    assert {phone: said for phone, (said, _waited) in taken.items()} == {
        HELLO: Amd.HUMAN,
        SILENT: Amd.NOTSURE,
        MACHINE: Amd.MACHINE,
    }


def test_nobody_waits_longer_than_the_preset_says(
    taken: dict[str, tuple[str, float]], preset: str, record_property: Callable[[str, object], None]
) -> None:
    for phone, (_said, waited) in taken.items():
        record_property(f"{preset} {phone}", round(waited, 2))
    # His hello begins 0.3 s after the answer; the longest wait is that of who says nothing.
    assert taken[HELLO][1] < taken[SILENT][1]
    assert taken[SILENT][1] >= PRESETS[preset].total / 1000


def test_without_a_preset_nobody_is_listened_to(stand: Stand) -> None:
    said: list[str] = []
    with Agi(stand.settings, lambda environment, _command: said.append(environment["agi_arg_2"])):
        dial(stand.settings, [HELLO])
        dial(stand.settings, [SILENT], more=",ZVONAR_AMD=none-such")
    assert said == ["AMDSTATUS=", "AMDSTATUS="]
