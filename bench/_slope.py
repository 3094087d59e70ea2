"""Does a series grow? The Theil-Sen slope: the median of the slopes of all pairs, which a few odd values do
not move. Pure.
"""

from collections.abc import Sequence
from itertools import combinations
from statistics import median

Series = Sequence[tuple[float, float]]  # (seconds, value), in order of time
HOUR_S = 3600.0
WARM = 0.25  # of the time: caches and pools fill


def slope(series: Series) -> float:
    """Growth an hour; 0.0 of fewer than two moments."""
    slopes = [(after - before) / (later - at) for (at, before), (later, after) in combinations(series, 2)]
    return HOUR_S * median(slopes) if slopes else 0.0


def settled(series: Series) -> Series:
    """Without its first quarter."""
    if not series:
        return series
    first, last = series[0][0], series[-1][0]
    return [one for one in series if one[0] >= first + WARM * (last - first)]


def flat(series: Series, an_hour: float, in_all: float) -> bool:
    """It grows by no more than so much an hour, or by no more than so much in all this time: a short series
    cannot tell a slow leak from noise.
    """
    grows = slope(series)
    lasted = (series[-1][0] - series[0][0]) / HOUR_S if series else 0.0
    return grows <= an_hour or grows * lasted <= in_all
