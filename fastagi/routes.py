"""Who may come in, and which conversation he gets: script name -> Route.

A Route says how a call of its script is begun and ended; `routes: Mapping[str, Route]` is all that the
server knows of them, so a part adds a conversation by adding an entry.

    at_hand(call) -> Scenario what is in memory already, at once; None: `open` has to be asked
    open(call) -> Scenario    blocking, in the thread pool: one short transaction before the first word;
                              None: there is nothing to say, and the dialplan goes on by itself
    Scenario.conversation     the generator that `session` plays; no database while audio plays
    Scenario.tell(fact)       blocking, in the pool: acts on a Tell at once
    Scenario.lookup(question) blocking, in the pool: answers a Lookup
    Scenario.finish(result)   exactly once, after the line is free: the result, or None when the conversation
                              broke or the hang-up was not its business; it hands over and returns at once

The token: AGI has no login, so whoever reaches the port could play a call. With a key, the dialplan writes
`?u=${UNIQUEID}&e=${EPOCH}&t=${SHA1(K${SHA1(K${UNIQUEID}${EPOCH})})}` behind the script's name; the nested
hash stands in for an HMAC, which a dialplan cannot compute. `e` may be 60 s off, `u` must be the channel's
own. It is defence in depth: whoever reads the dialplan reads the key.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from dialplan.steps import Conversation

TOKEN_S = 60
QUERY_FIELDS = 16
_UNIQUEID = re.compile(r"[A-Za-z0-9_.:-]{1,150}")
_EPOCH = re.compile(r"[0-9]{1,12}")


class NotLetIn(Exception):
    """The call is not ours to play; `why` is the label of the refusal's metric."""

    def __init__(self, why: str, detail: str = "") -> None:
        super().__init__(f"{why}: {detail}" if detail else why)
        self.why = why


class Call(NamedTuple):
    """A call at the door. The caller's name, his number and the query may be a stranger's words."""

    script: str
    uniqueid: str
    query: Mapping[str, str]
    environment: Mapping[str, str]
    variables: dict[str, str]

    @property
    def channel(self) -> str:
        """Asterisk's name of the channel."""
        return self.environment.get("agi_channel", "")

    @property
    def caller_id(self) -> str:
        """The caller's number, "" when he shows none."""
        return _known(self.environment.get("agi_callerid", ""))

    @property
    def presentation(self) -> int:
        """Asterisk's CALLINGPRES: whether the caller lets his number be shown, and who vouches for it."""
        told = self.environment.get("agi_callingpres", "")
        return int(told) if told.isdecimal() else 0

    @property
    def caller_name(self) -> str:
        """The caller's name as he sends it, "" when there is none."""
        return _known(self.environment.get("agi_calleridname", ""))

    @property
    def dnid(self) -> str:
        """The number that was dialled, "" when it is not known."""
        return _known(self.environment.get("agi_dnid", ""))

    @property
    def args(self) -> tuple[str, ...]:
        """The arguments behind the URL in the dialplan."""
        found: list[str] = []
        while (value := self.environment.get(f"agi_arg_{len(found) + 1}")) is not None:
            found.append(value)
        return tuple(found)

    @property
    def sent(self) -> dict[str, str]:
        """Channel variables that the dialplan sent along, as arguments `NAME=value`."""
        return dict(arg.split("=", 1) for arg in self.args if "=" in arg)


def ignore(_said: Any) -> None:
    """Nothing follows from it."""


class Scenario(NamedTuple):
    """One call's conversation with the acts around it; see the top of this module."""

    conversation: Conversation[Any]
    finish: Callable[[Any], None] = ignore
    tell: Callable[[Any], None] = ignore
    lookup: Callable[[Any], Any] = ignore


def _nothing_at_hand(_call: "Call") -> Scenario | None:
    """Every call's scenario has to be asked for."""
    return None


@dataclass(frozen=True, slots=True)
class Route:
    """How calls of one script are begun.

    `variables` of the channel are in `Call.variables` before `open` ("" when unset): those that the dialplan
    sent along, the others asked for.
    `answer`: answer the channel first; a call that we originated is answered already.
    `at_hand` spares the way to a thread and back (0.03 ms of CPU, and the wait for a thread).
    """

    open: Callable[[Call], Scenario | None]
    variables: tuple[str, ...] = ()
    answer: bool = False
    at_hand: Callable[[Call], Scenario | None] = _nothing_at_hand


def call_of(environment: Mapping[str, str]) -> Call:
    """The call that an environment describes; NotLetIn when it names no channel."""
    script, _, query = environment.get("agi_network_script", "").partition("?")
    uniqueid = environment.get("agi_uniqueid", "")
    if not _UNIQUEID.fullmatch(uniqueid):
        raise NotLetIn("environment", "no uniqueid")
    return Call(script, uniqueid, _query(query) if query else {}, environment, {})


def route_of(call: Call, routes: Mapping[str, Route]) -> Route:
    """The route of the call's script; NotLetIn when there is none."""
    route = routes.get(call.script)
    if route is None:
        raise NotLetIn("script", call.script[:64])
    return route


def token(key: str, uniqueid: str, epoch: str) -> str:
    """SHA1(K SHA1(K u e)) in lower-case hex, as Asterisk's ${SHA1()} gives it."""
    inner = hashlib.sha1((key + uniqueid + epoch).encode(), usedforsecurity=False).hexdigest()
    return hashlib.sha1((key + inner).encode(), usedforsecurity=False).hexdigest()


def check_token(call: Call, key: str, now: float) -> None:
    """NotLetIn unless the query carries this channel's token, at most a minute off; `now` is Unix time."""
    uniqueid, epoch, given = (call.query.get(name, "") for name in "uet")
    fresh = bool(_EPOCH.fullmatch(epoch)) and abs(now - int(epoch)) <= TOKEN_S
    right = hmac.compare_digest(token(key, uniqueid, epoch).encode(), given.encode())
    if not (right and fresh and uniqueid == call.uniqueid):
        raise NotLetIn("token", "stale" if right else "wrong")


def _known(value: str) -> str:
    return "" if value == "unknown" else value


def _query(text: str) -> dict[str, str]:
    """The script's query; a name that stands twice lets nobody in: two readers could disagree on it."""
    fields = text.split("&")
    if len(fields) > QUERY_FIELDS:
        raise NotLetIn("environment", "query with too many fields")
    if "%" in text or "+" in text:  # nothing that our dialplan writes
        pairs = parse_qsl(text, keep_blank_values=True)
    else:
        pairs = [(name, value) for name, _, value in (field.partition("=") for field in fields if field)]
    query = dict(pairs)
    if len(query) < len(pairs):
        raise NotLetIn("environment", "query with a repeated name")
    return query
