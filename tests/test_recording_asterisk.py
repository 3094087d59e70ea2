"""Recording under a real Asterisk: the file is the call, and a call never suffers for its recording."""

import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from agi_client import until
from lab_line import Agi, dial, dialer

from lab.ear import ALAW_TABLE, load, match
from lab.kinds import number
from lab.stand import Stand

pytestmark = pytest.mark.real

ASKED = ",ZVONAR_RECORD=1"
LIKE = 0.9


def recordings(stand: Stand) -> list[Path]:
    """The files that there are, whole or not."""
    return sorted(stand.settings.recordings_dir.rglob("*.alaw"))


def heard_in(file: Path) -> object:
    """A recording as sound."""
    import numpy as np

    return ALAW_TABLE[np.frombuffer(file.read_bytes(), np.uint8)]


def test_a_call_is_recorded_from_its_answer_on_where_it_is_asked_for(stand: Stand, fallback: Path) -> None:
    asked, not_asked = number("listens", 1), number("listens", 2)
    before = recordings(stand)
    dial(stand.settings, [not_asked])
    assert recordings(stand) == before
    dial(stand.settings, [asked], more=ASKED)
    until(lambda: recordings(stand) != before)
    (file,) = set(recordings(stand)) - set(before)
    place = file.relative_to(stand.settings.recordings_dir)
    assert place.parts[:2] == (file.stem[:4], file.stem[:7])
    seconds = len(load(fallback)) / 8000
    until(lambda: file.stat().st_size / 8000 > seconds - 0.1)
    assert match(heard_in(file), load(fallback)).correlation > LIKE


def test_an_id_cannot_name_a_command_or_another_folder(stand: Stand, tmp_path: Path) -> None:
    """MixMonitor's third argument is a command; who may originate names the channel's id."""
    ami, before, harm = dialer(stand.settings), recordings(stand), tmp_path / "harm"
    for place, name in enumerate((f"0a,,touch {harm}", f"0b.alaw,,touch {harm}", "../../../0c", "0d)})")):
        phone = number("hangs-up", place, 1)
        channel = f"PJSIP/{phone}@{stand.settings.trunk[0].endpoint}"
        where = {"Context": "zvonar-debtor", "Exten": "start", "Priority": 1, "Async": "true"}
        answer = ami.ask(Action="Originate", Channel=channel, ChannelId=name, Variable=ASKED[1:], **where)
        assert answer["Response"] == "Success"
    ami.close()
    until(lambda: len(recordings(stand)) == len(before) + 4)
    time.sleep(2)  # a command is run when the recording ends
    assert not harm.exists()
    for file in recordings(stand):
        assert not set(file.stem) - set("0123456789abcdef-"), file
    assert sorted(stand.run_dir.rglob("*.alaw")) == recordings(stand)


@pytest.fixture(params=["full", "read-only"])
def nowhere(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A data folder whose recordings have no room, or cannot be written at all."""
    folder = tmp_path / "data" / "recordings"
    folder.mkdir(parents=True)
    how = "size=256k" if request.param == "full" else "ro"
    subprocess.run(["mount", "-t", "tmpfs", "-o", how, "recordings", str(folder)], check=True)
    if request.param == "full":
        (folder / "others").write_bytes(bytes(250_000))
    yield folder.parent
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_without_room_for_its_recording_a_call_goes_on(nowhere: Path, tmp_path: Path, fallback: Path) -> None:
    with Stand(tmp_path / "stand", sounds={"ru/fallback.wav": fallback}, data_dir=nowhere) as stand:
        prompt = str(stand.node.conf / "sounds/zvonar/ru/fallback")

        def talk(_environment: dict[str, str], command: object) -> None:
            for _ in range(2):
                assert callable(command) and command(f'STREAM FILE "{prompt}" ""').startswith("200")

        phone = number("listens", 3)
        with Agi(stand.settings, talk):
            call = dial(stand.settings, [phone], more=ASKED)[phone]
        assert call.ending == ("16", "")
        message = load(fallback)
        heard = stand.ear.heard(phone)
        assert match(heard, message).correlation > LIKE
        assert match(heard[len(message) * 3 // 4 :], message).correlation > LIKE, "the second time too"
        assert sum(file.stat().st_size for file in recordings(stand)) < len(message)
