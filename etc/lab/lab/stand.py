"""The whole lab on one stand: Asterisk, the carrier with its callees, an ear, and settings that join them."""

import json
import secrets
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from dialplan.contexts import Node
from engine.sections import Asterisk as AsteriskSettings
from engine.sections import Fastagi, Trunk, Web
from engine.settings import Settings
from lab.asterisk import Asterisk
from lab.carrier import EAR_OFFSET, Carrier
from lab.ear import Ear
from lab.ports import Ports


class Stand:
    """Started by `with`: the carrier and its ear first, then Asterisk.

    `settings` fit it and may be given to our own parts. What else they should say is passed in: a `trunk` and
    a `node` (their addresses and ports are filled in here), any other setting by its name. `calls` is how
    many calls at a time there are RTP ports for. A `spare` trunk has a carrier of its own, without an ear.
    `names` are those of the Asterisk nodes, all joined to the same carriers; `node` is the first of `nodes`.
    """

    def __init__(
        self,
        run_dir: Path,
        *,
        names: Sequence[str] = ("lab",),
        calls: int = 100,
        hear: bool = True,
        log: bool = True,
        sounds: Mapping[str, Path] | None = None,
        node: Node | None = None,
        trunk: Trunk | None = None,
        spare: Trunk | None = None,
        **settings: Any,
    ) -> None:
        rtp_ports = 4 * calls  # RTP and RTCP, and twice that so that a port rests between two calls
        self._ports = Ports(len(names) * rtp_ports + 100)
        take = self._ports.take
        self.run_dir = run_dir.resolve()
        self.carrier = Carrier(self.run_dir / "carrier", take(), take(EAR_OFFSET + 2), ear=hear, log=log)
        self.ear = Ear(self.carrier)
        self.spare: Carrier | None = None
        self._hear = hear
        trunk = trunk or Trunk(name="lab", endpoint="lab", cps=50, channels=calls)
        trunks = [trunk.model_copy(update={"address": f"127.0.0.1:{self.carrier.port}"})]
        if spare:
            self.spare = Carrier(self.run_dir / "spare", take(), take(EAR_OFFSET + 2), ear=False, log=log)
            trunks.append(spare.model_copy(update={"address": f"127.0.0.1:{self.spare.port}"}))
        self.settings = Settings(
            asterisk=[
                AsteriskSettings(name=name, port=take(), secret=SecretStr(secrets.token_hex(16)))
                for name in names
            ],
            trunk=trunks,
            fastagi=Fastagi(bind=f"127.0.0.1:{take()}", token_key=SecretStr(secrets.token_hex(16))),
            web=Web(bind=f"127.0.0.1:{take()}"),
            **{"data_dir": self.run_dir / "var"} | settings,
        )
        # No OPTIONS to ask whether the carrier lives: late on a busy machine, its answer would cost 30 s.
        node = node or Node(qualify_s=0)
        self.nodes: dict[str, Asterisk] = {}
        for name in names:
            sip, rtp = take(), take(rtp_ports)
            own = replace(
                node, name=name, sip=f"127.0.0.1:{sip}", rtp_first=rtp, rtp_last=rtp + rtp_ports - 1
            )
            folder = self.run_dir / (f"asterisk-{name}" if self.nodes else "asterisk")
            self.nodes[name] = Asterisk(self.settings, folder, own, sounds)
        self.node = self.nodes[names[0]]
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
            if self.spare:
                running.enter_context(self.spare)
            if self._hear:
                running.enter_context(self.ear)
            for node in self.nodes.values():
                running.enter_context(node)
            self._running = running.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()


def _plain(value: Any) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
