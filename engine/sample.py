"""The settings file that shows every setting, commented out at its default."""

from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from engine.sections import Section
from engine.settings import Settings

HEAD = """\
# Zvonar's settings, written by `make docs`; copy to zvonar.toml and uncomment.
# The environment goes first: ZVONAR_DATABASE_URL, ZVONAR_FASTAGI__BIND, …
"""


def every_setting() -> Iterator[tuple[str, str, Any, str]]:
    """(table as the file heads it, name, default, meaning); the table is empty for those in none."""
    for name, field in Settings.model_fields.items():
        default = field.get_default(call_default_factory=True)
        many = isinstance(default, list)
        section = default[0] if many else default
        if isinstance(section, Section):
            yield from _of(section, f"[[{name}]]" if many else f"[{name}]")
        else:
            yield "", name, default, field.description or ""


def _of(section: Section, table: str) -> Iterator[tuple[str, str, Any, str]]:
    """The settings of one table, and of those within it after its own."""
    within = []
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, Section):
            within.append((value, f"[{table.strip('[]')}.{name}]"))
        else:
            yield table, name, value, field.description or ""
    for inner, its in within:
        yield from _of(inner, its)


def sample() -> str:
    """`zvonar.sample.toml`; settings in no table come first, as TOML wants them."""
    tables: dict[str, list[str]] = {"": []}
    for table, name, default, meaning in every_setting():
        tables.setdefault(table, [table]).extend([f"# {meaning}", f"#{name} = {toml(default)}"])
    return HEAD + "".join("\n" + "\n".join(lines) + "\n" for lines in tables.values())


def toml(value: Any) -> str:
    """A value as TOML writes it; enough for the kinds of values that settings have."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key} = {toml(item)}" for key, item in value.items()) + "}"
    return '"' + str(value).replace("\\", "\\\\").replace('"', '\\"') + '"'
