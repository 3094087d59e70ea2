"""One Originate outside the dialer: sent once, by the first Asterisk that lets us in."""

from collections.abc import Sequence

from engine.errors import AsteriskDown
from engine.gateways.ami_link import Link, NoReply, Timing, connect, log_in
from engine.gateways.ami_protocol import Originate
from engine.sections import Asterisk

TIMING = Timing(connect_s=2)


async def originate(nodes: Sequence[Asterisk], call: Originate) -> bool:
    """True: an Asterisk took the call over. False: it was sent and no answer came, so it may ring all the
    same. AsteriskDown: nobody is called; it tells why of each node.
    """
    reasons = []
    for node in nodes:
        try:
            link = await _enter(node)
        except AsteriskDown as error:
            reasons.append(f"{node.name}: {error}")
            continue
        try:
            reply = await link.ask(call.headers(), TIMING.reply_s)
        except NoReply:
            return False
        finally:
            link.drop("asked")
        if reply.get("Response") == "Success":
            return True
        reasons.append(f"{node.name}: {reply.get('Message')}")
    raise AsteriskDown("; ".join(reasons))


async def _enter(node: Asterisk) -> Link:
    """A connection of the user who may originate."""
    link = await connect(node.host, node.port, lambda _link, _message: None, TIMING)
    try:
        await log_in(link, node.username, node.secret.get_secret_value(), events=False, timing=TIMING)
    except AsteriskDown:
        link.drop("not let in")
        raise
    return link
