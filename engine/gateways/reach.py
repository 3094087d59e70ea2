"""One question to an Asterisk, outside the dialer: which endpoints do carriers answer behind?"""

from collections.abc import Collection

from engine.errors import AsteriskDown
from engine.gateways.ami_link import Timing, connect, log_in
from engine.gateways.ami_protocol import OUT_OF_REACH, ask_state
from engine.sections import Asterisk


async def reach(node: Asterisk, endpoints: Collection[str]) -> dict[str, bool] | None:
    """Endpoint -> is it reachable from this node; None when the node cannot be asked."""
    timing = Timing()
    secret = node.watcher_secret.get_secret_value() or node.secret.get_secret_value()
    try:
        link = await connect(node.host, node.port, lambda _link, _message: None, timing)
    except AsteriskDown:
        return None
    try:
        await log_in(link, node.watcher, secret, events=False, timing=timing)
        return {
            endpoint: (await link.ask(ask_state(endpoint), timing.reply_s)).get("Value") not in OUT_OF_REACH
            for endpoint in sorted(endpoints)
        }
    except AsteriskDown:
        return None
    finally:
        link.drop("asked")
