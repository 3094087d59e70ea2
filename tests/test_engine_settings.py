"""Settings: where each value comes from, and that a wrong one is told by name and never by value."""

import os
import tomllib
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from engine import settings as module
from engine.errors import SettingsError
from engine.sample import sample
from engine.settings import Settings, find_file, load, share, sources


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No setting in the environment, and a folder without a file."""
    for name in list(os.environ):
        if name.upper().startswith("ZVONAR_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "PLACES", (Path("zvonar.toml"), tmp_path / "etc.toml"))
    return tmp_path


def environment(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"ZVONAR_{name}", value)


def test_the_environment_goes_before_the_file_and_the_file_before_the_default(
    monkeypatch: pytest.MonkeyPatch, clean: Path
) -> None:
    assert (load().web.bind, load().log.level) == ("127.0.0.1:8080", "info")
    Path("zvonar.toml").write_text('lang = "en"\n[log]\nlevel = "debug"\n[web]\nbind = "127.0.0.1:1"\n')
    environment(monkeypatch, WEB__BIND="127.0.0.1:2")
    now = load()
    assert (now.web.bind, now.log.level, now.lang, now.region) == ("127.0.0.1:2", "debug", "en", "RU")


def test_the_first_file_that_is_found_is_read(monkeypatch: pytest.MonkeyPatch, clean: Path) -> None:
    files = [clean / name for name in ("given.toml", "named.toml", "zvonar.toml", "etc.toml")]
    for number, file in enumerate(files):
        file.write_text(f'[web]\nbind = "127.0.0.1:{number}"\n')
    environment(monkeypatch, CONFIG=str(files[1]))
    assert load(str(files[0])).web.bind.endswith(":0")
    assert load().web.bind.endswith(":1")
    monkeypatch.delenv("ZVONAR_CONFIG")
    assert load().web.bind.endswith(":2")
    files[2].unlink()
    assert load().web.bind.endswith(":3")


@pytest.mark.parametrize("how", ["option", "environment"])
def test_a_file_that_is_named_must_be_there(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    if how == "environment":
        environment(monkeypatch, CONFIG="none.toml")
    with pytest.raises(SettingsError, match=r"none\.toml: no such settings file"):
        find_file("none.toml" if how == "option" else None)


@pytest.mark.parametrize(
    "text, told",
    [
        ('datbase_url = "x"', "datbase_url: Extra inputs"),
        ("[dialer]\nnaem = 'x'", "dialer.naem: Extra inputs"),
        ("[dialer]\ndial_timeout_s = 0", "dialer.dial_timeout_s: .*greater than or equal"),
        ("[[trunk]]\n[[trunk]]", "trunk: names must differ"),
        ("asterisk = []", "asterisk: .*at least 1"),
        ("[[trunk]]\nname = 'a,b'", "trunk.0.name"),
        ("[company]\noperator = 'x;y'", "company.operator"),
        ("lang = \n", "zvonar.toml: .*line 1"),
    ],
)
def test_a_file_that_cannot_be_is_told_with_name_and_place(text: str, told: str) -> None:
    Path("zvonar.toml").write_text(text)
    with pytest.raises(SettingsError, match=told) as error:
        load()
    assert "zvonar.toml" in str(error.value)


@pytest.mark.parametrize(
    "name, told",
    [
        ("FASTAGO__BIND", "no such setting: ZVONAR_FASTAGO__BIND"),
        ("DATABSE_URL", "no such setting: ZVONAR_DATABSE_URL"),
        ("FASTAGI__BINDD", r"fastagi.bindd: .*\(ZVONAR_FASTAGI__BINDD\)"),
    ],
)
def test_a_name_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, name: str, told: str) -> None:
    environment(monkeypatch, **{name: "x"})
    with pytest.raises(SettingsError, match=told):
        load()


@pytest.mark.parametrize(
    "name",
    [
        "ASTERISK__PORT",
        "TRUNK__CPS",
        "TRUNK",
        "ASTERISK",
        "DATABASE_URL",
        "LANG",
        "DIALER__RETRY_SCALE",
        "WEB",
    ],
)
def test_a_bad_value_is_told_by_its_name_and_not_shown(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    environment(monkeypatch, **{name: "hunter2"})
    with pytest.raises(SettingsError) as error:
        load()
    assert "hunter2" not in str(error.value)
    assert name.split("__")[-1].lower() in str(error.value).lower()


@pytest.mark.parametrize(
    "url, good",
    [
        ("sqlite:///var/zvonar.db", True),
        ("sqlite:////var/lib/zvonar.db", True),
        ("postgresql://u:p@h/d", True),
        ("postgres://u:p@h:5432/d", True),
        ("postgresql+psycopg2:///d?host=/run", True),
        ("postgresql://u:p/w#@[::1]:5432/d", True),
        ("sqlite://", False),
        ("mysql://u:p@h/d", False),
        ("postgresql://u:p@h:port/d", False),
        ("", False),
    ],
)
def test_only_the_databases_that_we_speak_are_taken(
    monkeypatch: pytest.MonkeyPatch, url: str, good: bool
) -> None:
    environment(monkeypatch, DATABASE_URL=url)
    if good:
        assert load().database_url.get_secret_value() == url
    else:
        with pytest.raises(SettingsError, match="database_url: write sqlite:///FILE or postgresql://"):
            load()


def test_one_node_and_one_trunk_can_be_given_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    environment(
        monkeypatch,
        ASTERISK__HOST="10.0.0.5",
        ASTERISK__SECRET="s3cret",
        TRUNK__CPS="2.5",
        TRUNK__CALLER_IDS='["+74950000001"]',
    )
    now = load()
    (node,), (trunk,) = now.asterisk, now.trunk
    assert (node.host, node.port, node.secret.get_secret_value()) == ("10.0.0.5", 5038, "s3cret")
    assert (trunk.name, trunk.cps, trunk.caller_ids) == ("trunk", 2.5, ["+74950000001"])


@pytest.mark.parametrize("table", ["[asterisk]", "[[asterisk]]"])
def test_the_environment_adds_a_secret_to_the_node_of_the_file(
    monkeypatch: pytest.MonkeyPatch, table: str
) -> None:
    Path("zvonar.toml").write_text(f'{table}\nhost = "10.0.0.5"\nsecret = "old"\n')
    environment(monkeypatch, ASTERISK__SECRET="new")
    (node,) = load().asterisk
    assert (node.host, node.secret.get_secret_value()) == ("10.0.0.5", "new")


def test_the_environment_cannot_speak_of_one_of_several_nodes(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("zvonar.toml").write_text('[[asterisk]]\nname = "a"\n[[asterisk]]\nname = "b"\n')
    assert [node.name for node in load().asterisk] == ["a", "b"]
    environment(monkeypatch, ASTERISK__SECRET="x")
    with pytest.raises(
        SettingsError, match=r"ZVONAR_ASTERISK__… is for one \[\[asterisk\]\]; the file has 2"
    ):
        load()


@pytest.mark.parametrize("address", ["127.0.0.1:5080", "localhost", "localhost:5080", "127.0.0.1"])
def test_the_clock_may_be_shifted_where_every_trunk_leads_to_this_machine(address: str) -> None:
    shifted = Settings(trunk=[{"address": address}], contact={"clock_shift_s": -3600})
    earlier, now = shifted.now(), Settings(trunk=[{"address": "sip.example.com"}]).now()
    assert timedelta(minutes=59) < now - earlier < timedelta(minutes=61)
    assert earlier.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "addresses",
    [[""], ["sip.example.com:5060"], ["127.0.0.1.example.com"], ["127.0.0.1:5080", "10.0.0.5:5060"]],
)
def test_a_shifted_clock_is_refused_while_a_trunk_leads_elsewhere(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str]
) -> None:
    """People would be called at night. A trunk without an address leads wherever Asterisk says."""
    trunks = "".join(f'[[trunk]]\nname = "t{n}"\naddress = "{one}"\n' for n, one in enumerate(addresses))
    Path("zvonar.toml").write_text(trunks)
    assert abs(load().now() - datetime.now(UTC)) < timedelta(minutes=1)
    environment(monkeypatch, CONTACT__CLOCK_SHIFT_S="1")
    with pytest.raises(
        SettingsError, match=r"contact\.clock_shift_s: every trunk must have an address on this"
    ):
        load()


def test_a_trunk_is_found_by_name() -> None:
    now = Settings(trunk=[{"name": "a"}, {"name": "b"}])
    assert now.trunk_named("b").name == "b"
    with pytest.raises(SettingsError, match="no trunk named 'c'; there are: a, b"):
        now.trunk_named("c")


def test_the_audio_folder_is_absolute_and_may_have_another_name_in_asterisk(clean: Path) -> None:
    now = Settings(data_dir=Path("data"))
    assert now.audio_dir == clean / "data" / "audio"
    assert now.audio_dir_in_asterisk == str(now.audio_dir)
    assert Settings(speech={"asterisk_dir": "/sounds"}).audio_dir_in_asterisk == "/sounds"


def shown() -> dict[str, tuple[str, str]]:
    return {name: (value, source) for name, value, source in sources(load())}


def test_each_value_is_shown_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("zvonar.toml").write_text('[[trunk]]\nname = "main"\n[log]\nlevel = "error"\n[asterisk]\nport = 1\n')
    environment(monkeypatch, WEB__BIND="127.0.0.1:9", TRUNK__CPS="2", COMPANY='{"name": "Ромашка"}')
    found = shown()
    assert found["trunk.0.name"] == ("main", "zvonar.toml")
    assert found["trunk.0.cps"] == ("2.0", "ZVONAR_TRUNK__CPS")
    assert found["asterisk.0.port"] == ("1", "zvonar.toml")
    assert found["log.level"] == ("error", "zvonar.toml")
    assert found["web.bind"] == ("127.0.0.1:9", "ZVONAR_WEB__BIND")
    assert found["company.name"] == ("Ромашка", "ZVONAR_COMPANY")
    assert found["region"] == ("RU", "default")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:hunter2@h/d",
        "postgresql://u:hunter2@unter2@h/d",
        "postgresql://u@h/d?password=hunter2&a=b",
    ],
)
def test_secrets_are_hidden_wherever_they_stand(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    environment(monkeypatch, DATABASE_URL=url, ASTERISK__SECRET="hunter2", FASTAGI__TOKEN_KEY="hunter2")
    found = shown()
    assert "unter2" not in repr(found)
    assert found["database_url"][0].startswith("postgresql://u")
    assert found["asterisk.0.secret"][0] == "**********"


def uncommented(text: str) -> dict[str, Any]:
    lines = (line[1:] if line.startswith("#") and line[1:2].isalpha() else line for line in text.splitlines())
    return tomllib.loads("\n".join(lines))


def test_the_sample_says_nothing_as_it_is_and_the_defaults_when_uncommented() -> None:
    assert set(tomllib.loads(sample())) <= set(Settings.model_fields)
    Path("zvonar.toml").write_text(sample())
    assert load().model_dump() == Settings().model_dump()
    values = uncommented(sample())
    assert values.keys() == Settings.model_fields.keys()
    assert Settings(**values).model_dump() == Settings().model_dump()


def test_every_setting_of_the_sample_has_its_meaning_above_it() -> None:
    lines = sample().splitlines()
    for above, line in pairwise(lines):
        if line.startswith("#") and line[1:2].isalpha():
            assert above.startswith("# ")
            assert len(above) > 5


def test_what_ships_beside_the_packages_is_found_or_told() -> None:
    assert (share("sounds") / "ru" / "phrases.toml").is_file()
    with pytest.raises(SettingsError, match="no-such: not found"):
        share("no-such")
