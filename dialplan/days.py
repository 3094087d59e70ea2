"""A day as it is keyed in: two digits of the day, two of the month. Pure."""

from datetime import date, timedelta


def day_named(digits: str, today: date, ahead: int) -> date | None:
    """The next such day, today or at most `ahead` days away; None for no such day."""
    if len(digits) != 4:
        return None
    for year in (today.year, today.year + 1):
        try:
            day = date(year, int(digits[2:]), int(digits[:2]))
        except ValueError:
            continue
        if today <= day <= today + timedelta(days=ahead):
            return day
    return None
