"""The doctor on a healthy stand, on a sick one, and the second opinion that he asks for."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import uvicorn
from builders import add_campaign, tone
from speechkit import SpeechKit

from engine.contact import zones
from engine.contact.numbering import Numbering
from engine.doctor import FAIL, OK, WARN, Finding, examine
from engine.errors import AsteriskDown
from engine.gateways import second_opinion
from engine.settings import Settings, share
from storage import migrations
from storage.db import open_engine
from web.app import create


def answers(what: bool) -> Callable[[], Awaitable[bool]]:
    async def check() -> bool:
        return what

    return check


def verdicts(settings: Settings, *, quick: bool = False) -> dict[str, str]:
    return {finding.check: finding.verdict for finding in examine(settings, quick=quick)}


def test_a_healthy_stand(stand, tmp_path):
    url = f"sqlite:///{tmp_path / 'z.db'}"
    migrations.upgrade(open_engine(url))
    found = verdicts(Settings(**stand.settings.model_dump() | {"database_url": url}))
    assert found.pop("fastagi") == found.pop("web") == WARN  # nobody serves them here
    assert found.pop("numbering") == WARN  # no register is loaded
    assert found.pop("ami lab zvonar-watch") in (OK, WARN)  # WARN: an Asterisk with known holes
    assert set(found.values()) == {OK}
    assert {"ami lab zvonar", "ami lab by panoramisk", "database", "voice ru", "voice uz"} <= found.keys()


def voices(folder: Path, *, quick: bool = True, **speech: object) -> dict[str, tuple[str, str]]:
    here = Settings.model_validate({"data_dir": folder, "speech": speech})
    found = examine(here, quick=quick)
    return {one.check: (one.verdict, one.detail) for one in found if one.check.startswith("voice")}


def test_each_voice_is_heard(tmp_path):
    assert voices(tmp_path, fallback="festival") == {
        "voice ru": (OK, "espeak/ru/150/1, texts tried: 1"),
        "voice en": (OK, "espeak/en/150/1, texts tried: 1"),
        "voice uz": (OK, "espeak/uz/150/1, texts tried: 1"),
        "voice fallback": (OK, "festival/msu_ru_nsh_clunits/1, texts tried: 1"),
    }
    assert voices(tmp_path, provider="robot")["voice ru"][0] == FAIL
    assert voices(tmp_path, voices={"uz": "nobody"})["voice uz"][0] == WARN


def test_every_recording_is_heard(tmp_path):
    (tmp_path / "ru").mkdir()
    (tmp_path / "ru" / "index.csv").write_text("text;file\nдва;2.wav\nтри;3.wav\n")
    (tmp_path / "ru" / "2.wav").write_bytes(tone())
    (tmp_path / "ru" / "3.wav").write_bytes(tone(seconds=0, quiet=1))
    recorded = {"provider": "wav", "recordings": str(tmp_path)}
    assert voices(tmp_path, **recorded)["voice ru"] == (FAIL, "три: the voice said nothing")
    (tmp_path / "ru" / "3.wav").write_bytes(tone())
    assert "texts tried: 2" in voices(tmp_path, **recorded)["voice ru"][1]


def test_a_voice_on_the_network_is_asked_unless_in_haste(tmp_path):
    with SpeechKit() as kit:
        yandex = {"provider": "yandex", "yandex": {"url": kit.url, "api_key": "another"}}
        assert voices(tmp_path, **yandex)["voice ru"][0] == OK
        told = next(voices_slow(tmp_path, yandex))
    assert (told.verdict, "HTTP 401" in told.detail) == (FAIL, True)


def voices_slow(folder: Path, speech: dict[str, object]) -> Iterator[Finding]:
    here = Settings.model_validate({"data_dir": folder, "speech": speech})
    return (one for one in examine(here) if one.check == "voice ru")


def test_wrong_password_no_schema_no_token(stand, tmp_path):
    node = stand.settings.asterisk[0].model_copy(update={"secret": "wrong-secret"})
    sick = {"asterisk": [node.model_dump()], "fastagi": {}, "database_url": f"sqlite:///{tmp_path / 'z.db'}"}
    found = verdicts(Settings(**stand.settings.model_dump() | sick))
    assert found["ami lab zvonar"] == found["ami lab zvonar-watch"] == FAIL
    assert found["ami lab by panoramisk"] == FAIL
    assert found["database"] == FAIL
    assert found["secrets"] == WARN


def test_trunks_that_campaigns_name_are_looked_for(tmp_path):
    url = f"sqlite:///{tmp_path / 'z.db'}"
    engine = open_engine(url)
    migrations.upgrade(engine)
    here = Settings(database_url=url, data_dir=tmp_path, trunk=[{"name": "a"}, {"name": "b"}])
    add_campaign(engine, "well", trunks=["a", "b"])
    assert verdicts(here)["trunks"] == OK
    add_campaign(engine, "limping", trunks=["a", "sold"])
    assert verdicts(here)["trunks"] == WARN
    add_campaign(engine, "over", trunks=["sold"], state="done")
    assert verdicts(here)["trunks"] == WARN
    add_campaign(engine, "lame", trunks=["sold"])
    (found,) = [one for one in examine(here) if one.check == "trunks"]
    assert found.verdict == FAIL
    assert "lame: sold" in found.detail


def test_quick_asks_no_neighbour():
    assert not any(
        check.startswith(("ami", "database", "fastagi")) for check in verdicts(Settings(), quick=True)
    )


def numbering_of(url: str) -> Finding:
    (found,) = [one for one in examine(Settings(database_url=url)) if one.check == "numbering"]
    return found


def test_the_numbering_register_and_its_zones(tmp_path, monkeypatch):
    url = f"sqlite:///{tmp_path / 'z.db'}"
    engine = open_engine(url)
    migrations.upgrade(engine)
    service = Numbering(engine, Settings(database_url=url))
    service.load(share("etc/numbering") / "sample-DEF-9xx.csv", "me")
    found = numbering_of(url)
    assert (found.verdict, found.detail[:11]) == (OK, "DEF-9xx of ")
    with monkeypatch.context() as later:
        later.setattr(zones, "version", lambda: "2099.1")
        assert numbering_of(url).detail.endswith("run `zvonar contact numbering refresh`")
        service.refresh()
        assert numbering_of(url).verdict == OK


@pytest.mark.parametrize("days, verdict", [(1, OK), (180, OK), (181, WARN), (900, WARN)])
def test_an_old_tzdata(days, verdict, monkeypatch):
    now = Settings().now()
    monkeypatch.setattr(zones, "released_by", lambda: now - timedelta(days=days, hours=1))
    (found,) = [one for one in examine(Settings(), quick=True) if one.check == "tzdata"]
    assert (found.verdict, zones.version() in found.detail) == (verdict, True)


def test_pyst2_reads_the_rights_of_our_manager_conf(stand):
    users = second_opinion.rights(stand.node.conf / "manager.conf")
    assert users == {"zvonar": {"originate", "call"}, "zvonar-watch": {"reporting"}}
    assert not any(rights & second_opinion.DANGEROUS for rights in users.values())


def test_panoramisk_gives_up_in_time_where_nobody_answers(stand):
    node = stand.settings.asterisk[0].model_copy(update={"port": 1})
    with pytest.raises(AsteriskDown):
        asyncio.run(second_opinion.version(node))


def test_what_the_web_server_says_of_itself(stand, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    app = create({"database": answers(True)})
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    listening = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
    thread.start()
    host, port = listening.getsockname()
    settings = Settings(**stand.settings.model_dump() | {"web": {"bind": f"{host}:{port}"}})
    found = {finding.check: finding for finding in examine(settings)}
    server.should_exit = True
    thread.join()
    assert found["web"].verdict == OK
    assert '"database":true' in found["web"].detail
