"""Regions and cities as people and registers write them, and the clocks that are kept there. Pure but for one
file, `etc/numbering/regions.toml`, read once.

A place is known by its words: case, ё, punctuation, the order of words and words for what it is ("обл.",
"край", "г.") do not matter. Several places in one text:

    a | b, a, b     one within the other: the zones that both have (or of both, when they have none together)
    a * b, a и b    here or there: the zones of both; unknown when one of them is
"""

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache, reduce

from engine.settings import share

Zones = frozenset[str]
NOWHERE: Zones = frozenset()
WORD = re.compile(r"[^\W\d_]+")
WITHIN = re.compile(r"[|,]")
EITHER = re.compile(r"[*;]|\sи\s")
MOSCOW_REGION = {"мо"}  # alone it is a name, beside a name it is what kind of place that is
# What kind of place it is.
KIND = MOSCOW_REGION | {
    *("обл", "область", "край", "кр", "республика", "респ", "рес"),
    *("ао", "автономный", "автономная", "автономного", "округ", "окр"),
    *("город", "гор", "городской", "муниципальный", "го", "район", "рн", "улус"),
    *("село", "пос", "поселок", "пгт", "рп", "дер", "деревня", "станица", "ст", "ца"),
}


@dataclass(frozen=True, slots=True)
class Table:
    """The words of a place -> zones; three digits after +7 -> zones."""

    places: Mapping[str, Zones]
    codes: Mapping[str, Zones]


@cache
def table() -> Table:
    """The table; a name that stands in several regions has the zones of all."""
    entries = tomllib.loads((share("etc/numbering") / "regions.toml").read_text(encoding="utf-8"))
    places: dict[str, Zones] = {}
    codes: dict[str, Zones] = {}
    for entry in entries["region"]:
        zones = frozenset(entry["zones"])
        for name in {words(name) for name in (*entry["names"], *entry.get("cities", ()))}:
            places[name] = places.get(name, NOWHERE) | zones
        codes |= dict.fromkeys(entry.get("codes", ()), zones)
    return Table(places, codes)


def words(text: str) -> str:
    """`г. Орёл` -> `орел`, `Ханты - Мансийский - Югра АО` -> `мансийский ханты югра`"""
    found = set(WORD.findall(unicodedata.normalize("NFKC", text).casefold().replace("ё", "е")))
    named = {word for word in found - KIND if len(word) > 1}
    return " ".join(sorted(named or found & MOSCOW_REGION))


@lru_cache(maxsize=65536)
def zones_of(*texts: str) -> Zones:
    """The zones of what these texts (a register's region; a person's region and his city) say together."""
    parts = [part for text in texts for part in WITHIN.split(text)]
    return reduce(_both, filter(None, map(_either, parts)), NOWHERE)


def _both(first: Zones, second: Zones) -> Zones:
    return first & second or first | second


def _either(text: str) -> Zones:
    """The zones of `a * b`; none when one of the places is not known."""
    places = [table().places.get(name, NOWHERE) for name in map(words, EITHER.split(text)) if name]
    return NOWHERE.union(*places) if all(places) else NOWHERE
