"""What Zvonar needs, looked at one by one: programs, folders, database, Asterisk, our own server.

Each check is a fact with a verdict, `ok`, `warn` or `fail`; none of them changes anything or calls anybody.
"""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import get_args

from engine.contact import zones
from engine.errors import AsteriskDown, FileError, SettingsError, VoiceError, ZvonarError
from engine.gateways import second_opinion
from engine.gateways.ami_link import Denied, NoReply, Timing, connect, log_in
from engine.gateways.ami_protocol import Message, warnings
from engine.gateways.tts import Voice, fallback_for, voice_for
from engine.sections import Asterisk
from engine.sections_speech import Language, Speech
from engine.settings import Settings
from engine.speech import sound
from storage import migrations
from storage.campaign import campaigns
from storage.db import is_down, open_engine, reading
from storage.numbering import registers
from storage.vocab import CampaignState

OK, WARN, FAIL = "ok", "warn", "fail"
REACH_S = 3
TZDATA_DAYS = 180
MANAGER_CONF = Path("/etc/asterisk/manager.conf")


@dataclass(frozen=True, slots=True)
class Finding:
    """One check; `detail` is written for the operator."""

    check: str
    verdict: str
    detail: str


def examine(settings: Settings, *, quick: bool = False) -> Iterator[Finding]:
    """Every check in turn; `quick` leaves out neighbours on the network."""
    yield Finding("python", OK if sys.version_info >= (3, 11) else FAIL, sys.version.split()[0])
    yield from _voices(settings, quick)
    yield _folder("data_dir", settings.data_dir)
    yield _secrets(settings)
    yield _tzdata(settings.now())
    if quick:
        return
    database = _database(settings)
    yield database
    if database.verdict == OK:
        yield _numbering(settings)
        yield _trunks(settings)
    for node in settings.asterisk:
        for user in (node.username, node.watcher):
            yield asyncio.run(_ami(node, user))
        yield asyncio.run(_panoramisk(node))
    yield from _rights(MANAGER_CONF)
    yield _listener("fastagi", settings.fastagi.bind, "zvonar serve fastagi")
    yield _web(settings.web.bind)


def _voices(settings: Settings, quick: bool) -> Iterator[Finding]:
    """Does each language's voice say what it must, and the second voice what the first cannot?"""
    speech, own = settings.speech, settings.lang
    for lang in get_args(Language):
        yield _voice(f"voice {lang}", voice_for, speech, lang, FAIL if lang == own else WARN, quick)
    if speech.fallback:
        yield _voice("voice fallback", fallback_for, speech, own, FAIL, quick)


def _voice(
    check: str, make: Callable[[Speech, str], Voice], speech: Speech, lang: str, worst: str, quick: bool
) -> Finding:
    """Can it be made, and say what it should? `quick` does not ask one on the network."""
    text = ""
    try:
        voice = make(speech, lang)
        asked = () if quick and voice.id.startswith("yandex/") else voice.samples
        for text in asked:
            sound.check(voice.speak(text))
    except (SettingsError, VoiceError) as error:
        return Finding(check, worst, f"{text}: {error}" if text else str(error))
    return Finding(check, OK, f"{voice.id}, texts tried: {len(asked)}")


def _folder(name: str, folder: Path) -> Finding:
    """Can a file be written there?"""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=folder):
            pass
    except OSError as error:
        return Finding(name, FAIL, f"{folder}: {error.strerror}")
    free = shutil.disk_usage(folder).free // 2**30
    return Finding(name, OK if free >= 1 else WARN, f"{folder.resolve()}, {free} GiB free")


def _secrets(settings: Settings) -> Finding:
    """AMI without a password, AGI without a token."""
    open_nodes = [node.name for node in settings.asterisk if not node.secret.get_secret_value()]
    if open_nodes:
        return Finding("secrets", FAIL, f"asterisk.secret is empty for {', '.join(open_nodes)}")
    if not settings.fastagi.token_key.get_secret_value():
        return Finding("secrets", WARN, "fastagi.token_key is empty: any program here may play a call")
    return Finding("secrets", OK, "AMI passwords and the AGI token's key are set")


def _database(settings: Settings) -> Finding:
    """Reachable, and of today's schema?"""
    try:
        engine = open_engine(settings.database_url.get_secret_value(), 1)
        have, need = migrations.current(engine), migrations.head()
    except Exception as error:
        if not is_down(error):
            raise
        return Finding("database", FAIL, "cannot be reached")
    if have != need:
        return Finding("database", FAIL, f"schema {have or 'empty'}, needed {need}: run `zvonar db upgrade`")
    return Finding("database", OK, f"{engine.dialect.name}, schema {have}")


def _tzdata(now: datetime) -> Finding:
    """Was the time zone database brought up to date in the last half-year?"""
    days = (now - zones.released_by()).days
    if days > TZDATA_DAYS:
        detail = f"{zones.version()}, at least {days} days old: run `pip install --upgrade tzdata`"
        return Finding("tzdata", WARN, detail)
    return Finding("tzdata", OK, zones.version())


def _numbering(settings: Settings) -> Finding:
    """Is a numbering register loaded, and are zones worked out with it and with today's tzdata?"""
    engine = open_engine(settings.database_url.get_secret_value(), 1)
    with reading(engine) as connection:
        loaded = registers(connection)
    engine.dispose()
    if not loaded:
        detail = "no register: Russian mobiles are called only when all of Russia may be"
        return Finding("numbering", WARN, f"{detail}; run `zvonar contact numbering load FILE`")
    if any(row.tzdata != zones.version() for row in loaded):
        return Finding("numbering", WARN, "zones are out of date: run `zvonar contact numbering refresh`")
    told = ", ".join(f"{row.name} of {row.loaded_at:%Y-%m-%d}" for row in loaded)
    return Finding("numbering", OK, told)


def _trunks(settings: Settings) -> Finding:
    """Are the trunks of every campaign that is not over in the settings?"""
    engine = open_engine(settings.database_url.get_secret_value(), 1)
    live = (CampaignState.DRAFT, CampaignState.RUNNING, CampaignState.PAUSED)
    with reading(engine) as connection:
        rows = campaigns(connection, live)
    engine.dispose()
    known = {trunk.name for trunk in settings.trunk}
    missing = [f"{row.name}: {', '.join(gone)}" for row in rows if (gone := sorted({*row.trunks} - known))]
    lost = any(known.isdisjoint(row.trunks) for row in rows)
    if missing:
        return Finding("trunks", FAIL if lost else WARN, f"in no settings: {'; '.join(missing)}")
    return Finding("trunks", OK, ", ".join(sorted(known)))


async def _ami(node: Asterisk, user: str) -> Finding:
    """Can this AMI user log in; and, for the watcher, which Asterisk is it?"""
    check, timing = f"ami {node.name} {user}", Timing()
    watching = user == node.watcher
    secret = node.watcher_secret.get_secret_value() if watching else ""
    try:
        link = await connect(node.host, node.port, _ignore, timing)
    except (AsteriskDown, OSError) as error:
        return Finding(check, FAIL, f"{node.host}:{node.port}: {error}")
    try:
        await log_in(link, user, secret or node.secret.get_secret_value(), events=False, timing=timing)
        if not watching:
            return Finding(check, OK, "may log in")
        version = (await link.ask({"Action": "CoreSettings"}, REACH_S)).get("AsteriskVersion")
    except (Denied, NoReply, ZvonarError) as error:
        return Finding(check, FAIL, str(error))
    finally:
        link.drop("asked")
    known = warnings(version)
    return Finding(check, WARN if known else OK, "; ".join([f"Asterisk {version}", *known]))


async def _panoramisk(node: Asterisk) -> Finding:
    """The same question by another client."""
    check = f"ami {node.name} by panoramisk"
    try:
        return Finding(check, OK, f"Asterisk {await second_opinion.version(node)}")
    except AsteriskDown as error:
        return Finding(check, FAIL, str(error))


def _rights(manager_conf: Path) -> Iterator[Finding]:
    """Where Asterisk's own file can be read: does an AMI user have rights that amount to a shell?"""
    if not os.access(manager_conf, os.R_OK):
        return
    try:
        users = second_opinion.rights(manager_conf)
    except FileError as error:
        yield Finding("manager.conf", WARN, str(error))
        return
    strong = sorted(user for user, rights in users.items() if rights & second_opinion.DANGEROUS)
    detail = f"{', '.join(strong)} may run programs on this machine" if strong else "least rights"
    yield Finding("manager.conf", WARN if strong else OK, detail)


def _ignore(_link: object, _message: Message) -> None:
    """Events are of no interest here."""


def _listener(name: str, bind: str, how: str) -> Finding:
    """Does our own server listen? (A bare connect costs it nothing.)"""
    host, _, port = bind.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except (OSError, ValueError) as error:
        return Finding(name, WARN, f"{bind}: {error}; start it with `{how}`")
    return Finding(name, OK, f"listens at {bind}")


def _web(bind: str) -> Finding:
    """Is the web server there, and does it find its neighbours well?"""
    import requests

    try:
        answer = requests.get(f"http://{bind}/readyz", timeout=REACH_S)
    except requests.RequestException:
        return Finding("web", WARN, f"{bind}: no answer; start it with `zvonar serve web`")
    return Finding("web", OK if answer.ok else WARN, f"{bind}: {answer.text}")
