"""A recorded campaign, from its list to the file that is handed out; and with no room for any file. On a real
Asterisk.
"""

import subprocess
import time
from urllib.request import urlopen

import pytest
from journeys.conftest import listed, outcomes, people
from journeys.test_debtor_calls import LIKE, spoken

from engine.speech.service import Speech
from lab.ear import load, match
from storage.db import open_engine


def recorded(shell, rows):
    """Call these people, recorded; outcome and what became of the recording, by external id."""
    shell.zvonar("campaign", "create", "c", "--template", "debt", "--trunk", "lab", "--record")
    shell.zvonar("campaign", "import", "c", listed(rows, shell.folder / "c.csv"))
    shell.zvonar("campaign", "start", "c")
    shell.until("c", lambda now: now["state"] == "done")
    deadline = time.monotonic() + 40
    while "wanted" in {row["recording"] for row in shell.json("recording", "list")}:
        assert time.monotonic() < deadline
        time.sleep(1)
    return {row["outcome"]: row["recording"] for row in shell.json("recording", "list")}


@pytest.mark.timeout(120)
def test_who_listens_is_told_that_he_is_recorded_and_his_recording_is_what_he_heard(opened):
    shell = opened()
    shell.serve("all")
    rows = people([("listens", 0), ("press-3", 4), ("busy", 0)])
    assert recorded(shell, rows) == {"answered-heard": "kept", "answered-paid-claim": "kept"}
    speech = Speech(open_engine(shell.database_url), shell.stand.settings)
    announced = str(speech.cache.path(speech.phrases("debtor", "ru")["recorded"].name))
    assert match(shell.stand.ear.heard(rows[0]["phone"]), load(announced)).correlation >= LIKE
    (call,) = [row for row in shell.json("recording", "list") if row["outcome"] == "answered-heard"]
    out = shell.folder / "talk.wav"
    shell.zvonar("recording", "export", call["attempt"], "-o", str(out))
    found = [match(load(out), load(file)) for file in (announced, *spoken(shell, rows[0]))]
    assert min(one.correlation for one in found) >= LIKE
    assert found == sorted(found, key=lambda one: one.offset_s)
    assert shell.run("recording", "purge", "--yes").returncode == 3, "it is young"


@pytest.fixture
def full(tmp_path):
    """The stand's folder of recordings has no room left."""
    folder = tmp_path / "stand" / "var" / "recordings"
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "recordings", str(folder)], check=True)
    (folder / "others").write_bytes(bytes(100_000))
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


@pytest.mark.timeout(120)
def test_with_the_disk_full_he_hears_all_and_the_recording_is_told_to_be_missing(full, opened):
    shell = opened()
    shell.serve("all")
    rows = people([("listens", 0)])
    assert recorded(shell, rows) == {"answered-heard": "missing"}
    assert outcomes(shell) == {"listens-0": "answered-heard"}
    heard = shell.stand.ear.heard(rows[0]["phone"])
    assert min(match(heard, load(file)).correlation for file in spoken(shell, rows[0])) >= LIKE
    assert "recordings missing" in shell.logs()
    port = shell.stand.settings.web.bind
    with urlopen(f"http://{port}/metrics") as metrics:
        assert b'zvonar_recordings_total{state="missing"} 1.0' in metrics.read()
