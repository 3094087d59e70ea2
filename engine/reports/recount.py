"""Was a call lawful? What was written down when it was decided, worked out once more for an auditor. Pure.

Three things, each by another way than the dialer's: the local time from the moment and the zone; whether it
lies in the window that was noted; and how many calls came before it, counted day by day from all that are
stored, as they ended. What a call counts as, only the pack can say: limits of a pack that is not there any
more in that version are checked by the noted figures alone.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from engine.contact.limits import Limit, Past, Period, Target, counted

WINDOW = re.compile(r"(?P<clock>\d\d:\d\d) (?P<opens>\d\d:\d\d)-(?P<closes>\d\d:\d\d)", re.ASCII)
# Code -> Russian, English.
SENTENCES: Mapping[str, tuple[str, str]] = {
    "no-permit": ("не записано, почему звонок разрешён", "no record of why it was allowed"),
    "no-law": ("не записано, по какому закону", "no record of the law"),
    "clock": (
        "{zone}: записано {local}, а было {actual}",
        "{zone}: recorded {local}, but it was {actual}",
    ),
    "window": ("{zone}: {local} вне часов {window}", "{zone}: {local} is outside {window}"),
    "used": (
        "предел {limit}: уже было {used} из {most}",
        "limit {limit}: {used} of {most} were used already",
    ),
    "counted": (
        "предел {limit}: по пересчёту до этого звонка было {used} из {most}",
        "limit {limit}: recounted, {used} of {most} came before this call",
    ),
}


def wrong(
    at: datetime,
    permit: Mapping[str, Any],
    target: Target,
    earlier: Sequence[Past],
    limits: Mapping[str, Limit],
    lang: str,
) -> list[str]:
    """What is wrong with a call at this moment, in words of `lang`; nothing when all is well.

    `permit` is what the dialer noted, `earlier` the person's calls (later ones are left out here), `limits`
    the known ones by the names that the permit has.
    """
    found = _wrong(at, permit, target, [call for call in earlier if call.at < at], limits)
    return [SENTENCES[code][lang != "ru"].format_map(values) for code, values in found]


def _wrong(
    at: datetime,
    permit: Mapping[str, Any],
    target: Target,
    earlier: Sequence[Past],
    limits: Mapping[str, Limit],
) -> Iterator[tuple[str, dict[str, Any]]]:
    if not permit.get("law"):
        yield "no-law" if permit else "no-permit", {}
        return
    for zone, local, window in permit.get("hours", []):
        actual = local_time(at, zone)
        if local != actual:
            yield "clock", {"zone": zone, "local": local, "actual": actual}
        if not within(actual, window):
            yield "window", {"zone": zone, "local": actual, "window": window}
    zones = {known for name, _local, _window in permit.get("hours", []) if (known := _zone(name))}
    for name, (noted, most) in sorted(permit.get("used", {}).items()):
        if noted >= most:
            yield "used", {"limit": name, "used": noted, "most": most}
        limit = limits.get(name)
        used = _count(limit, zones, at, counted(limit, target, earlier)) if limit else 0
        if used >= most:
            yield "counted", {"limit": name, "used": used, "most": most}


def local_time(at: datetime, zone: str) -> str:
    """The moment on the clocks of a zone, to the minute; "?" when there is no such zone."""
    known = _zone(zone)
    return f"{at.astimezone(known):%Y-%m-%d %H:%M}" if known else "?"


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None


def within(local: str, window: str) -> bool:
    """Does `2026-01-21 15:00` lie in `08:00-22:00`? What cannot be read is no window."""
    found = WINDOW.fullmatch(f"{local[-5:]} {window}")
    return found is not None and found["opens"] <= found["clock"] < found["closes"]


def _count(limit: Limit, zones: Iterable[ZoneInfo], at: datetime, times: Iterable[datetime]) -> int:
    """How many of these calls fall into the same stretch as `at`; in the zone where it is most.

    Where no zones were noted nobody can say what day it was: a calendar limit counts nothing.
    """
    before = list(times)
    if limit.period is None:
        return sum(at - call < limit.rolling for call in before)
    period = limit.period
    return max((_same(period, zone, at, before) for zone in zones), default=0)


def _same(period: Period, zone: ZoneInfo, at: datetime, before: Iterable[datetime]) -> int:
    here = _period(period, at.astimezone(zone))
    return sum(_period(period, call.astimezone(zone)) == here for call in before)


def _period(period: Period, local: datetime) -> tuple[int, ...]:
    match period:
        case Period.DAY:
            return local.year, local.month, local.day
        case Period.WEEK:
            return local.isocalendar()[:2]
        case Period.MONTH:
            return local.year, local.month
