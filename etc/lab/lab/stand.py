"""The whole lab on one stand: Asterisk, the carrier with its callees, an ear, and settings that join them."""

import json
import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from dialplan.contexts import Node
from engine.settings import Asterisk as AsteriskSettings
from engine.settings import Fastagi, Settings, Trunk
from lab.asterisk import Asterisk
from lab.carrier import EAR_OFFSET, Carrier
from lab.ear import Ear
from lab.ports import Ports

TRUNK = "lab"


class Stand:
    """Started by `with`: the carrier and its ear first, then Asterisk.

    `settings` fit it and may be given to our own parts; whatever else they should say is passed by keyword
    (`dialer={...}`, `trunk={"cps": 10}`). `calls` is how many calls at a time its RTP ports suffice for.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        calls: int = 100,
        hear: bool = True,
        log: bool = True,
        sounds: Mapping[str, Path] | None = None,
        node: Mapping[str, Any] | None = None,
        trunk: Mapping[str, Any] | None = None,
        fastagi: Mapping[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self._ports = Ports(100 + 4 * calls)
        take = self._ports.take
        self.run_dir = run_dir.resolve()
        self.carrier = Carrier(self.run_dir / "carrier", take(), take(EAR_OFFSET + 2), ear=hear, log=log)
        self.ear = Ear(self.carrier)
        self._hear = hear
        self.settings = Settings(
            asterisk=[AsteriskSettings(name=TRUNK, port=take(), secret=SecretStr(secrets.token_hex(16)))],
            trunk=[
                Trunk(
                    **{"name": TRUNK, "endpoint": TRUNK, "address": f"127.0.0.1:{self.carrier.port}"}
                    | {"cps": 50, "channels": calls}
                    | dict(trunk or {})
                )
            ],
            fastagi=Fastagi(
                **{"bind": f"127.0.0.1:{take()}", "token_key": SecretStr(secrets.token_hex(16))}
                | dict(fastagi or {})
            ),
            **{"data_dir": self.run_dir / "var"} | settings,
        )
        rtp = take(4 * calls)  # RTP and RTCP, and twice that so that a port rests between two calls
        self.node = Asterisk(
            self.settings,
            self.run_dir / "asterisk",
            Node(
                **{"sip": f"127.0.0.1:{take()}", "rtp_first": rtp, "rtp_last": rtp + 4 * calls - 1}
                | dict(node or {})
            ),
            sounds,
        )
        self._running = ExitStack()

    @property
    def environment(self) -> dict[str, str]:
        """The settings as environment variables, for programs of ours that run beside."""
        return {
            f"ZVONAR_{name.upper()}": value if isinstance(value, str) else json.dumps(value)
            for name, value in json.loads(json.dumps(self.settings.model_dump(), default=_plain)).items()
        }

    def __enter__(self) -> "Stand":
        with ExitStack() as running:
            running.callback(self._ports.close)
            running.enter_context(self.carrier)
            if self._hear:
                running.enter_context(self.ear)
            running.enter_context(self.node)
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()


def _plain(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
