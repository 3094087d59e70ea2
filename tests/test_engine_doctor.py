"""The doctor on a healthy stand, on a sick one, and the second opinion that he asks for."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
import uvicorn
from builders import add_campaign

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
    assert {"ami lab zvonar", "ami lab by panoramisk", "database", "espeak-ng"} <= found.keys()


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
