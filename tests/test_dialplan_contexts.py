"""Asterisk's configuration: complete, hardened, and nothing from the settings can break out of its place."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from dialplan.contexts import Node, printable, render, write
from engine.errors import SettingsError
from engine.sections import Asterisk, Fastagi, Trunk
from engine.settings import Settings

SECRET = SecretStr("a-long-secret")
KEY = SecretStr("k1234567890")
ASTERISK = [Asterisk(secret=SECRET)]


def settings(**given: object) -> Settings:
    return Settings(**{"asterisk": ASTERISK} | given)  # type: ignore[arg-type]  # what a test gives is a setting


def code(text: str) -> str:
    """A configuration without its comments."""
    return "\n".join(line.partition(";")[0].rstrip() for line in text.splitlines())


def section(text: str, name: str) -> list[str]:
    """The lines of the first section of that name, without comments."""
    return re.split(r"^\[", code(text).split(f"[{name}]\n", 1)[1], maxsplit=1, flags=re.M)[0].split("\n")


def test_the_folder_is_complete() -> None:
    texts = render(settings())
    needed = {
        "asterisk",
        "modules",
        "manager",
        "extensions",
        "pjsip",
        "rtp",
        "logger",
        "cdr",
        "cel",
        "stasis",
    }
    assert {f"{name}.conf" for name in needed} <= set(texts)
    for text in texts.values():
        assert "{{" not in text and "{%" not in text and text.endswith("\n")


def test_a_talk_can_be_limited_and_no_key_of_it_transfers() -> None:
    modules = render(settings())["modules.conf"]
    assert "load = bridge_builtin_interval_features.so" in modules, "Dial's L would end the call at once"
    assert "load = bridge_builtin_features.so" not in modules


def test_no_dangerous_pattern_application_or_function_in_the_dialplan() -> None:
    for key, servers in ((SecretStr(""), []), (KEY, ["a:1", "b:2"])):
        fastagi = Fastagi(token_key=key, servers=servers)
        dialplan = code(render(settings(fastagi=fastagi))["extensions.conf"])
        for extension in re.findall(r"^\s*exten\s*=>\s*([^,]+),", dialplan, re.M):
            # a pattern of digits only and of one length: `_X.` and `_!` would let `5&PJSIP/...` through
            assert re.fullmatch(r"_\+?X+|[a-z]+", extension), extension
        debtors = "\n".join(section(dialplan, "zvonar-debtor"))
        assert "exten => failed" not in debtors, "it would add a channel to every failed call"
        assert dialplan.count("exten => failed") == 1, (
            "where somebody was rung first, and his call has to end"
        )
        applications = set(re.findall(r",\s*([A-Za-z]+)\(", dialplan))
        plain = {"UserEvent", "MSet", "Set", "GotoIf", "Goto", "Playback", "Answer", "Hangup", "Return"}
        assert applications == {
            "AGI",
            "AMD",
            "MixMonitor",
            *plain,
            "TIMEOUT",
            "REDIRECTING",
        }  # the last two are functions that MSet sets
        functions = set(re.findall(r"\$\{([A-Z0-9]+)\(", dialplan))
        assert functions <= {"SHA1", "CHANNEL", "FILTER", "RAND"}
        assert "${EXTEN" not in dialplan and "${CALLERID" not in dialplan, "nothing from outside is used"


def test_a_call_is_bounded_told_to_end_and_led_to_the_fallback() -> None:
    given = settings(dialer={"max_call_s": 77}, recording={"asterisk_dir": "/srv/talks"})
    lines = section(render(given)["extensions.conf"], "zvonar-debtor")
    steps = [re.split(r"=> (?:\w+,1|n(?:\(\w+\))?),", line)[1] for line in lines if "=>" in line]
    assert steps == [
        'GotoIf($["${ZVONAR_RECORD}${ZVONAR_AMD}" = ""]?talk)',
        'GotoIf($["${ZVONAR_RECORD}" != "1"]?amd)',
        "Set(ZVONAR_ID=${FILTER(0-9a-f\\x2d,${UNIQUEID})})",
        "MixMonitor(/srv/talks/${ZVONAR_ID:0:4}/${ZVONAR_ID:0:7}/${ZVONAR_ID}.alaw)",
        'GotoIf($["${ZVONAR_AMD}" = "fast"]?fast)',
        'GotoIf($["${ZVONAR_AMD}" = "careful"]?careful)',
        "Goto(talk)",
        "AMD(3100,1300,600,3000,100,50,4,256)",
        "Goto(talk)",
        "AMD(5100,2400,1000,5000,100,50,6,256)",
        "Goto(talk)",
        "MSet(AGIEXITONHANGUP=yes,TIMEOUT(absolute)=77,ZVONAR_AT=${EPOCH})",
        "AGI(agi://127.0.0.1:4573/debtor,ZVONAR_ATTEMPT=${ZVONAR_ATTEMPT},AMDSTATUS=${AMDSTATUS})",
        'GotoIf($["${AGI_DONE}" = "1"]?done)',
        "Playback(/etc/asterisk/sounds/zvonar/ru/fallback)",
        "Hangup()",
    ]


def test_a_call_to_us_is_bounded_answered_and_led_to_the_notice() -> None:
    lines = section(render(settings(dialer={"max_call_s": 77}))["extensions.conf"], "zvonar-in")
    dialled = [line for line in lines if line.startswith("exten => _")]
    assert dialled and all(line.endswith(",1,Goto(call,1)") for line in dialled)
    assert [
        re.split(r"=> (?:\w+,1|n(?:\(\w+\))?),", line)[1]
        for line in lines
        if "=> _" not in line and "=>" in line
    ] == [
        "MSet(AGIEXITONHANGUP=yes,TIMEOUT(absolute)=77,ZVONAR_AT=${EPOCH})",
        "Answer()",
        "AGI(agi://127.0.0.1:4573/debtor,ZVONAR_ATTEMPT=)",
        'GotoIf($["${AGI_DONE}" = "1"]?done)',
        "Playback(/etc/asterisk/sounds/zvonar/ru/notice)",
        "Hangup()",
    ]


def test_recordings_go_where_we_look_for_them_unless_asterisk_knows_the_folder_by_another_name() -> None:
    lines = section(render(settings(data_dir=Path("/srv/zvonar")))["extensions.conf"], "zvonar-debtor")
    assert "MixMonitor(/srv/zvonar/recordings/${ZVONAR_ID:0:4}/" in "".join(lines)
    with pytest.raises(SettingsError, match="may not stand"):
        render(settings(recording={"asterisk_dir": "/srv/talks,,reboot"}))


def test_a_token_key_signs_each_call_with_its_time() -> None:
    lines = section(render(settings(fastagi=Fastagi(token_key=KEY)))["extensions.conf"], "zvonar-debtor")
    (frozen,) = (place for place, line in enumerate(lines) if line.endswith(",ZVONAR_AT=${EPOCH})"))
    token = "${SHA1(k1234567890${SHA1(k1234567890${UNIQUEID}${ZVONAR_AT})})}"
    url = f"agi://127.0.0.1:4573/debtor?u=${{UNIQUEID}}&e=${{ZVONAR_AT}}&t={token},"
    url += "ZVONAR_ATTEMPT=${ZVONAR_ATTEMPT},AMDSTATUS=${AMDSTATUS}"
    assert lines[frozen + 1] == f" same => n,AGI({url})"


def test_each_server_is_asked_with_the_same_token_and_a_name_is_left_to_the_dns() -> None:
    servers = ["10.0.0.1:4573", "[::1]:4573", "hagi://agi.example.org"]
    lines = section(
        render(settings(fastagi=Fastagi(token_key=KEY, servers=servers)))["extensions.conf"], "zvonar-debtor"
    )
    asked = [re.split(r"AGI\(|/debtor", line) for line in lines if "AGI(" in line]
    urls = ["agi://10.0.0.1:4573", "agi://[::1]:4573", "hagi://agi.example.org"]
    assert [url for _, url, _ in asked] == urls
    assert len({rest for _, _, rest in asked}) == 1 and "&t=${SHA1(" in asked[0][2]
    for wrong in ("agi://x:1", "x", "x:1,y", "hagi://a/b", "x:1)\n same => n,System(id"):
        with pytest.raises(ValueError, match="servers"):
            Fastagi(servers=[wrong])


def test_the_two_users_have_the_least_rights() -> None:
    text = render(settings())["manager.conf"]
    general = section(text, "general")
    assert {"webenabled = no", "bindaddr = 127.0.0.1", "port = 5038"} <= set(general)
    for user in ("zvonar", "zvonar-watch"):
        lines = section(text, user)
        assert {"deny = 0.0.0.0/0.0.0.0", "permit = 127.0.0.1/255.255.255.255", "writetimeout = 5000"} <= set(
            lines
        )
        assert lines.index("deny = 0.0.0.0/0.0.0.0") < lines.index("permit = 127.0.0.1/255.255.255.255")
    rights = set(re.findall(r"^(?:read|write) = *(.*)$", code(text), re.M))
    assert rights == {"", "originate,call", "call,system,agent", "reporting"}
    assert "read =" in section(text, "zvonar")
    filters = [line for line in section(text, "zvonar-watch") if line.startswith("eventfilter")]
    assert all(line.startswith("eventfilter(action(include),name(") for line in filters)
    names = {re.search(r"name\((\w+)\)", line)[1] for line in filters}  # type: ignore[index]  # the line above
    told = {"FullyBooted", "Hangup", "Newstate", "OriginateResponse", "PeerStatus", "Shutdown"}
    members = {f"QueueMember{what}" for what in ("Added", "Pause", "Removed", "Status")}
    assert names == told | members | {"DialState"}


def test_the_watcher_may_have_a_password_of_its_own() -> None:
    nodes = [Asterisk(secret=SECRET, watcher_secret=SecretStr("another-secret"))]
    text = render(settings(asterisk=nodes))["manager.conf"]
    assert "secret = a-long-secret" in section(text, "zvonar")
    assert "secret = another-secret" in section(text, "zvonar-watch")


def test_trunks_with_an_address_are_written_and_others_are_left_to_their_owner() -> None:
    trunks = [
        Trunk(name="a", endpoint="carrier", address="sip.example.org:5070"),
        Trunk(name="b", endpoint="carrier", address="sip.example.org:5070"),
        Trunk(name="c", endpoint="mine"),
    ]
    text = render(settings(trunk=trunks))["pjsip.conf"]
    assert text.count("[carrier]\n") == 3, "endpoint, aor and identify, once an endpoint"
    assert "[mine]" not in text
    endpoint = section(text, "carrier")
    assert {
        "direct_media = no",
        "rtp_symmetric = no",
        "allow = alaw,ulaw",
        "dtmf_mode = rfc4733",
        "inband_progress = no",
        "allow_transfer = no",
        "context = zvonar-in",
    } <= set(endpoint)
    assert "contact = sip:sip.example.org:5070" in text and "match = sip.example.org\n" in text
    assert "zvonar-no-forward" not in render(settings())["extensions.conf"], "that context must not exist"


def test_timer_b_is_what_asterisk_makes_of_it_anyway() -> None:
    lines = section(render(settings(), Node(timer_t1_ms=200))["pjsip.conf"], "system")
    assert {"timer_t1 = 200", "timer_b = 12800"} <= set(lines)


def test_the_nodes_own_values_have_their_places() -> None:
    nodes = [Asterisk(name="one", secret=SECRET), Asterisk(name="two", port=5039, secret=SECRET)]
    node = Node(
        name="two",
        home="/srv/ast",
        sip="10.0.0.1:5080",
        rtp_first=100,
        rtp_last=200,
        fastagi="10.0.0.2:4573",
        directories={"astrundir": "/run/ast"},
    )
    texts = render(settings(asterisk=nodes), node)
    assert "port = 5039" in section(texts["manager.conf"], "general")
    assert "bind = 10.0.0.1:5080" in texts["pjsip.conf"]
    assert {"rtpstart = 100", "rtpend = 200", "strictrtp = yes"} <= set(section(texts["rtp.conf"], "general"))
    assert "agi://10.0.0.2:4573/debtor" in texts["extensions.conf"]
    assert "/srv/ast/sounds/zvonar/ru/fallback" in texts["extensions.conf"]
    assert {"astetcdir => /srv/ast", "astrundir => /run/ast"} <= set(
        section(texts["asterisk.conf"], "directories")
    )
    with pytest.raises(SettingsError, match="three"):
        render(settings(asterisk=nodes), Node(name="three"))


@pytest.mark.parametrize("bad", ["", "short", "semi;colon", "new\nline-secret", "sp ace-secret", "x" * 129])
def test_a_password_that_cannot_stand_in_a_file_is_refused_and_not_shown(bad: str) -> None:
    with pytest.raises(SettingsError, match=r"asterisk\.secret") as refused:
        render(settings(asterisk=[Asterisk(secret=SecretStr(bad))]))
    assert not bad or bad not in str(refused.value)
    if bad:
        with pytest.raises(SettingsError, match=r"fastagi\.token_key"):
            render(settings(fastagi=Fastagi(token_key=SecretStr(bad))))


@pytest.mark.parametrize(
    "node",
    [
        Node(home="/etc/a\n[general]"),
        Node(sip="0.0.0.0:5060;"),
        Node(fastagi="h:1/x)\n same => n,System(id"),
        Node(directories={"astrundir": "/run/a b"}),
        Node(directories={"x\ny": "/run"}),
    ],
)
def test_no_value_of_a_node_breaks_out_of_its_line(node: Node) -> None:
    with pytest.raises(SettingsError, match="may not stand"):
        render(settings(), node)


@given(st.text())
def test_only_harmless_characters_are_printable(text: str) -> None:
    harmless = not set(text) - set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.:/+@=~[]-"
    )
    try:
        assert printable(text) == text and harmless
    except SettingsError:
        assert not harmless


def test_files_are_replaced_whole_and_those_of_the_owner_are_left(tmp_path: Path) -> None:
    out, wav = tmp_path / "a" / "conf", tmp_path / "x.wav"
    wav.write_bytes(b"RIFF")
    written = write(settings(), out, sounds={"ru/fallback.wav": wav})
    assert (out / "sounds/zvonar/ru/fallback.wav").read_bytes() == b"RIFF"
    assert set(written) == {path for path in out.rglob("*") if path.is_file()}, "no temporary file is left"
    assert {path.stat().st_mode & 0o777 for path in written} == {0o640}, "some hold passwords"
    (out / "pjsip_custom.conf").write_text("; mine\n")
    (out / "manager.conf").write_text("old")
    write(settings(), out)
    assert (out / "pjsip_custom.conf").read_text() == "; mine\n"
    assert (out / "manager.conf").read_text() == render(settings())["manager.conf"]


def test_nothing_is_written_when_one_value_is_bad(tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        write(Settings(asterisk=[Asterisk()]), tmp_path / "conf")
    assert not (tmp_path / "conf").exists()
