"""Others' eyes on Asterisk, for `doctor` (docs/decisions/0003): panoramisk logs in, pyst2 reads manager.conf.

If panoramisk gets in and our own client does not, the fault is ours. Both are used once and within a time
limit; neither ever carries a call.
"""

import asyncio
from pathlib import Path
from tempfile import NamedTemporaryFile

from engine.errors import AsteriskDown, FileError
from engine.sections import Asterisk

LIMIT_S = 5
DANGEROUS = frozenset({"all", "command", "config", "system"})  # rights to run programs on that machine


async def version(node: Asterisk) -> str:
    """Asterisk's version as panoramisk's client is told it; AsteriskDown when it is not let in."""
    from panoramisk import Manager

    secret = (node.watcher_secret.get_secret_value() or node.secret.get_secret_value()) or "none"
    manager = Manager(
        host=node.host,
        port=node.port,
        username=node.watcher,
        secret=secret,
        events="off",
        reconnect_timeout=3600,  # it would try for ever; we ask once
    )
    try:
        async with asyncio.timeout(LIMIT_S):
            await manager.connect()
            while manager.authenticated_future is None and not manager.authenticated:
                await asyncio.sleep(0.01)
            if manager.authenticated_future and not (await manager.authenticated_future).success:
                raise AsteriskDown(f"{node.watcher!r} is not let in")
            told = (await manager.send_action({"Action": "CoreSettings"})).asteriskversion
    except (TimeoutError, OSError):
        raise AsteriskDown(f"no answer within {LIMIT_S} s") from None
    finally:
        manager.close()
    return str(told)


def rights(manager_conf: Path) -> dict[str, frozenset[str]]:
    """user -> rights to write, of a manager.conf; FileError when pyst2 cannot read it.

    pyst2 knows no `#tryinclude`: lines of that kind are left out, and so is the file that they name.
    """
    from asterisk.config import Config, ParseError

    try:
        lines = manager_conf.read_text(encoding="utf-8").splitlines(keepends=True)
        with NamedTemporaryFile("w", encoding="utf-8") as plain:
            plain.writelines(line for line in lines if not line.startswith("#"))
            plain.flush()
            categories = Config(plain.name).categories
    except (ParseError, OSError, UnicodeDecodeError) as error:
        raise FileError(f"{manager_conf}: {error}") from None
    found: dict[str, frozenset[str]] = {}
    for category in categories:
        items = {item.name: item.value.strip() for item in category.items}
        if "secret" in items:
            found[category.name] = frozenset(right.strip() for right in items.get("write", "").split(","))
    return found
