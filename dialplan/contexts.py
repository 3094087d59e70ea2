"""Asterisk's configuration, rendered from `etc/asterisk/`: a whole folder for one hardened node.

Nothing from outside is trusted on the way in: every value that a template prints passes `printable`, so no
setting can end a line, open a comment or start a second header, whatever the settings' own patterns let by.
"""

import os
import re
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from dialplan.mask import CENTRE_S
from engine.campaign.machines import PRESETS
from engine.errors import SettingsError
from engine.masking.trunks import trunks
from engine.sections import Asterisk, Trunk
from engine.settings import Settings, share

# What AMI tells the watcher, filtered in Asterisk; see engine.gateways.ami for what each means to us.
EVENTS = (
    *("FullyBooted", "Hangup", "Newstate", "OriginateResponse", "PeerStatus", "Shutdown"),
    *("QueueMemberAdded", "QueueMemberPause", "QueueMemberRemoved", "QueueMemberStatus"),
)
# How carriers write the number that was dialled, and where a trunk's calls to us begin.
NUMBERS = (*("X" * digits for digits in (6, 7, 10, 11, 12)), "+XXXXXXXXXXX", "+XXXXXXXXXXXX")
CONTEXTS = {"debtor": "zvonar-in", "mask": "zvonar-mask"}
PRINTABLE = re.compile(r"[A-Za-z0-9_.:/+@=~\[\]-]*")
SECRET = re.compile(r"[A-Za-z0-9_.:/+@=~-]{8,128}")


@dataclass(frozen=True, slots=True)
class Node:
    """What one Asterisk must be told that is none of our settings; the defaults are those of production."""

    name: str = ""  # which of the settings' nodes; empty: the first
    home: str = "/etc/asterisk"  # where the folder will lie on Asterisk's machine
    sip: str = "0.0.0.0:5060"  # HOST:PORT for SIP over UDP
    rtp_first: int = 10000
    rtp_last: int = 20000
    fastagi: str = ""  # HOST:PORT of our server as Asterisk reaches it; empty: as the settings say
    timer_t1_ms: int = 125  # SIP's T1; an INVITE without any reply is given up after 64 of them
    qualify_s: int = 30  # how often a trunk is asked whether it lives
    directories: Mapping[str, str] = field(default_factory=dict)  # others of asterisk.conf, as astrundir

    @property
    def sounds(self) -> str:
        """The folder of our prompts as Asterisk sees it."""
        return f"{self.home}/sounds"


def printable(value: Any) -> Any:
    """The value, if it may stand in Asterisk's configuration; SettingsError otherwise."""
    if PRINTABLE.fullmatch(str(value)) is None:
        raise SettingsError(f"{str(value)!r} may not stand in Asterisk's configuration")
    return value


def secret(name: str, value: str) -> str:
    """A password or key fit for Asterisk's files; SettingsError names the setting, not the value."""
    if SECRET.fullmatch(value) is None:
        raise SettingsError(f"{name}: needs 8 to 128 characters out of A-Z a-z 0-9 _.:/+@=~-")
    return value


def described(settings: Settings, name: str) -> Asterisk:
    """The settings' node of that name, or the first; SettingsError when there is none."""
    for asterisk in settings.asterisk:
        if name in ("", asterisk.name):
            return asterisk
    raise SettingsError(f"no Asterisk node named {name!r}")


def servers(settings: Settings, node: Node) -> list[str]:
    """The beginnings of the URLs under which Asterisk finds our conversations."""
    named = [node.fastagi] if node.fastagi else settings.fastagi.servers or [settings.fastagi.bind]
    return [one if one.startswith("hagi://") else f"agi://{one}" for one in named]


def trunks_to_write(settings: Settings) -> list[Trunk]:
    """Trunks with an address, one an endpoint; those without one are the operator's own to write."""
    return list({trunk.endpoint: trunk for trunk in settings.trunk if trunk.address}.values())


def render(settings: Settings, node: Node | None = None) -> dict[str, str]:
    """File name -> text of the whole folder; SettingsError tells which value cannot stand in it."""
    node = node or Node()
    asterisk = described(settings, node.name)
    centre = settings.masking.call_centre or settings.company.operator
    ways = trunks(settings, (centre,))
    token_key = settings.fastagi.token_key.get_secret_value()
    ami, asked = asterisk.secret.get_secret_value(), servers(settings, node)
    values = {
        "settings": settings,
        "node": node,
        "asterisk": asterisk,
        "secret": secret("asterisk.secret", ami),
        "watcher_secret": secret(
            "asterisk.watcher_secret", asterisk.watcher_secret.get_secret_value() or ami
        ),
        "servers": asked,
        "several": len(asked) > 1,
        "token_key": secret("fastagi.token_key", token_key) if token_key else "",
        "directories": {"astetcdir": node.home, **node.directories},
        "trunks": trunks_to_write(settings),
        "events": EVENTS,
        "numbers": NUMBERS,
        "contexts": CONTEXTS,
        "centre": centre if centre.startswith("queue:") or ways else "",
        "centre_s": CENTRE_S,
        "centre_endpoint": ways[0].endpoint if ways else "",
        "centre_sees": ways[0].caller_ids[0] if ways and ways[0].caller_ids else "",
        "machines": {name: astuple(preset) for name, preset in PRESETS.items()},
    }
    templates = Environment(
        loader=FileSystemLoader(share("etc/asterisk")),
        undefined=StrictUndefined,
        finalize=printable,
        autoescape=select_autoescape(),  # of HTML, which none of these is
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    names = [name for name in templates.list_templates() if name.endswith(".conf")]
    return {name: templates.get_template(name).render(values) for name in names}


def write(
    settings: Settings, out: Path, node: Node | None = None, sounds: Mapping[str, Path] | None = None
) -> list[Path]:
    """Render into `out`, each file whole or not at all, and return the files written.

    `sounds` maps a name (`ru/fallback.alaw`) to a finished file, copied to `out/sounds/zvonar/`. What else
    lies in `out` (`pjsip_custom.conf`, `queues_custom.conf`) is left alone. SettingsError as by `render`.
    """
    texts = render(settings, node)  # all of it before the first file changes
    out.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in texts.items():
        written.append(_replace(out / name, text.encode()))
    for name, sound in (sounds or {}).items():
        target = out / "sounds" / "zvonar" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        written.append(_replace(target, sound.read_bytes()))
    return written


def _replace(path: Path, content: bytes) -> Path:
    """Write beside and rename; 0640 since some of the files hold passwords."""
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as file:
        try:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), 0o640)
            shutil.move(file.name, path)
        except BaseException:
            Path(file.name).unlink(missing_ok=True)
            raise
    return path
