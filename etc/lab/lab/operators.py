"""Operators of the lab: phones behind the carrier, each an endpoint of his own, in a queue of Asterisk's."""

from collections.abc import Mapping

from lab.stand import Stand

ENDPOINT = """
[{name}]
type = endpoint
transport = zvonar-udp
aors = {name}
context = zvonar-in
disallow = all
allow = alaw
direct_media = no
[{name}]
type = aor
contact = sip:{phone}@127.0.0.1:{port}
"""
QUEUE = """
[{queue}]
strategy = leastrecent
ringinuse = no
retry = 1
timeout = 15
{members}
"""
MEMBER = "member => PJSIP/{name},0,,,,{wrapup_s}\n"


def seat(stand: Stand, queue: str, phones: Mapping[str, str], wrapup_s: int = 0) -> None:
    """Put phones (endpoint -> number) into a queue of a running Asterisk, instead of all that were there."""
    names = [
        ENDPOINT.format(name=name, phone=phone, port=stand.carrier.port) for name, phone in phones.items()
    ]
    members = "".join(MEMBER.format(name=name, wrapup_s=wrapup_s) for name in phones)
    (stand.node.conf / "pjsip_custom.conf").write_text("".join(names))
    (stand.node.conf / "queues_custom.conf").write_text(QUEUE.format(queue=queue, members=members))
    for module in ("res_pjsip.so", "app_queue.so"):
        stand.node.console(f"module reload {module}")
