"""Several servers behind one Asterisk: who is dead is passed over, and nobody hears a message twice."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from agi_client import Running, until
from lab_line import dial
from voice import speak

from dialplan import contexts
from dialplan.steps import Conversation, Play
from engine.sections import Fastagi
from engine.speech.clip import Clip, place
from fastagi.routes import Call, Route, Scenario
from lab.ear import load, match
from lab.kinds import number
from lab.ports import Ports
from lab.stand import Stand

pytestmark = pytest.mark.real

CLIP, LIKE = Clip("1a" * 32, 4000), 0.9


class Farm:
    """A stand whose Asterisk asks two servers, `first` and `second`, which a test starts and kills."""

    def __init__(self, stand: Stand, bind: list[str]) -> None:
        self.stand, self.bind = stand, bind
        self.begun: list[str] = []

    def serving(self, which: int) -> Running:
        """One of the two, which notes the calls that it began."""

        def begin(call: Call) -> Scenario:
            self.begun.append(self.bind[which])
            return Scenario(_says(), finish=_ignore, tell=_ignore)

        fastagi = self.stand.settings.fastagi
        audio = self.stand.settings.audio_dir_in_asterisk
        return Running(
            {"debtor": Route(begin)}, audio=audio, bind=self.bind[which], token_key=fastagi.token_key
        )


def _says() -> Conversation[None]:
    yield Play((CLIP,))


def _ignore(_said: Any) -> None:
    """Nothing follows from it."""


@pytest.fixture(scope="module")
def farm(tmp_path_factory: pytest.TempPathFactory, fallback: Path) -> Iterator[Farm]:
    stand = Stand(tmp_path_factory.mktemp("farm"), sounds={"ru/fallback.wav": fallback})
    ports = Ports(2)
    bind = [f"127.0.0.1:{ports.take()}" for _ in range(2)]
    fastagi = Fastagi(servers=bind, token_key=stand.settings.fastagi.token_key)
    contexts.write(stand.settings.model_copy(update={"fastagi": fastagi}), stand.node.conf, stand.node.node)
    sound = stand.settings.audio_dir / f"{place(CLIP.name)}.wav"
    sound.parent.mkdir(parents=True)
    speak("Это сообщение длится несколько секунд, чтобы его можно было прервать на полуслове.", sound)
    with stand:
        yield Farm(stand, bind)
    ports.close()


def test_a_dead_server_is_passed_over_by_every_call(farm: Farm) -> None:
    numbers = [number("listens", serial) for serial in range(12)]
    farm.begun.clear()
    with farm.serving(1):
        dial(farm.stand.settings, numbers)
    assert Counter(farm.begun) == {farm.bind[1]: 12}


def test_calls_are_spread_over_the_servers(farm: Farm) -> None:
    numbers = [number("listens", serial) for serial in range(20)]
    farm.begun.clear()
    with farm.serving(0), farm.serving(1):
        dial(farm.stand.settings, numbers)
    shares = Counter(farm.begun)
    assert shares.total() == 20
    assert min(shares[one] for one in farm.bind) >= 2, "less is seen once in 25,000 runs"


def test_a_server_that_dies_in_mid_call_leads_to_the_fallback_and_not_to_the_next(
    farm: Farm, fallback: Path
) -> None:
    phone = number("listens", 30)
    farm.begun.clear()
    with farm.serving(0) as first, farm.serving(1) as second:

        def kill() -> None:
            until(lambda: farm.begun)
            time.sleep(1)
            (talking,) = (one for one in (first, second) if one.server.sessions)
            talking.run(talking.server.drain(0))

        killer = threading.Thread(target=kill)
        killer.start()
        dial(farm.stand.settings, [phone])
        killer.join()
    assert len(farm.begun) == 1
    assert match(farm.stand.ear.heard(phone), load(fallback)).correlation > LIKE


def test_with_no_server_left_the_fallback_is_heard_at_once(farm: Farm, fallback: Path) -> None:
    phone = number("listens", 31)
    dial(farm.stand.settings, [phone])
    found = match(farm.stand.ear.heard(phone), load(fallback))
    assert found.correlation > LIKE and found.offset_s < 2
