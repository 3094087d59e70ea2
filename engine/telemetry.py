"""What we tell of ourselves: logs (structlog) and metrics (Prometheus).

A phone number never appears whole: one processor masks every value of every event, all but the last
four digits. `call_id` (the attempt id) is bound where a call enters and is on every line about it.
"""

import logging
import re
import sys
from collections import deque
from collections.abc import MutableMapping
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram

# Ten digits or more, however grouped. What looks like one and is none goes first and stays as it is: ids
# and file names of hex digits, dates with their times, decimal numbers, IP addresses.
NUMBER = re.compile(
    r"(?P<kept>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    r"|(?<![0-9a-f])[0-9a-f]{32,}"
    r"|(?<![0-9])(?:19|20)[0-9]{2}-[0-9]{2}-[0-9]{2}(?:[ T][0-9]{2}:[0-9]{2}(?::[0-9]{2})?)?(?![0-9])"
    r"|(?<![0-9.])(?:[0-9]+\.[0-9]+|[0-9]{1,3}(?:\.[0-9]{1,3}){3})(?![0-9.]))"
    r"|\+?[0-9](?:[ ().\u00a0\u2010-\u2015-]{0,3}[0-9]){9,}",
    re.IGNORECASE,
)

calls = Counter("zvonar_calls_total", "Attempts ended, by outcome", ["outcome"])
originates = Counter("zvonar_originates_total", "Originates sent", ["trunk"])
channels = Gauge("zvonar_channels", "Attempts in flight", ["trunk"])
trunk_rate = Gauge("zvonar_trunk_rate", "Calls a second that a trunk is given at present", ["trunk"])
trunk_breaker = Gauge("zvonar_trunk_breaker", "0: closed, 1: on trial, 2: open, not used", ["trunk"])
campaign_storms = Counter(
    "zvonar_campaign_storms_total", "Campaigns that were paused by a storm", ["outcome"]
)
event_lag = Histogram(
    "zvonar_ami_event_lag_seconds",
    "From an event's arrival to its handling",
    buckets=(0.001, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 5),
)
sessions = Gauge("zvonar_agi_sessions", "Conversations under way")
sessions_refused = Counter("zvonar_agi_refused_total", "AGI connections refused", ["why"])
masked_calls = Counter("zvonar_masked_calls_total", "Masked calls ended", ["end", "role"])
masked_kopecks = Gauge("zvonar_masked_kopecks_hour", "What masked talks of the last hour cost")
blacklist_frozen = Gauge("zvonar_blacklist_frozen", "1: this trunk's word is not believed", ["trunk"])
voice_requests = Counter("zvonar_voice_requests_total", "Texts given to a voice", ["voice", "result"])
voice_characters = Counter("zvonar_voice_characters_total", "Characters that it counts", ["voice"])
voice_seconds = Histogram(
    "zvonar_voice_seconds",
    "How long a text took, repetitions included",
    ["voice"],
    buckets=(0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
)
fragments = Counter("zvonar_fragments_total", "Fragments synthesised", ["result"])
recordings = Counter("zvonar_recordings_total", "Recordings looked for after the call", ["state"])
recordings_free = Gauge("zvonar_recordings_free_bytes", "Room left in the folder of recordings")

webhook_backlog = Gauge("zvonar_webhook_backlog", "Results or events not delivered yet, at most", ["webhook"])
webhook_deliveries = Counter("zvonar_webhook_deliveries_total", "Batches sent", ["webhook", "result"])


ERROR_LENGTH = 200
_errors: deque[dict[str, str]] = deque(maxlen=5)


def mask(text: str) -> str:
    """Hide all but the last four digits of every phone number in a text: `+79161234567` -> `*4567`."""
    return NUMBER.sub(lambda found: found["kept"] or "*" + re.sub(r"[^0-9]", "", found[0])[-4:], text)


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {_masked(key): _masked(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(item) for item in value]
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        whole = value == value // 1 and abs(value) >= 10**9
        return mask(str(int(value))) if whole else value
    return mask(str(value))


def mask_numbers(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor: every value, tracebacks included."""
    for key, value in event.items():
        event[key] = _masked(value)
    return event


def keep_errors(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The structlog processor that remembers the last errors, masked as they are, for watchers."""
    if event.get("level") in ("error", "critical"):
        detail = [
            f"{key}={event[key]}" for key in event if key not in ("event", "level", "timestamp", "part")
        ]
        text = " ".join(" ".join([str(event.get("event", "")), *detail]).split())
        _errors.append({"at": str(event.get("timestamp", "")), "text": text[:ERROR_LENGTH]})
    return event


def last_errors() -> list[dict[str, str]]:
    """The last errors that this process logged, the newest last: at (ISO), text."""
    return list(_errors)


def setup(level: str = "info") -> None:
    """Configure logging for this process: to stderr, coloured on a terminal, JSON lines elsewhere."""
    on_terminal = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        mask_numbers,
        keep_errors,
    ]
    renderer: Any = structlog.processors.JSONRenderer(ensure_ascii=False)
    if on_terminal:
        renderer = structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[*shared, renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # The libraries' own logging goes the same way, so it is masked too.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=renderer, foreign_pre_chain=shared))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def logger(name: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines carry `part=name`."""
    bound: structlog.typing.FilteringBoundLogger = structlog.get_logger(part=name)
    return bound
