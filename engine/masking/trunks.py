"""By which trunks a masked call goes on. Pure."""

from collections.abc import Sequence

from engine.sections import Trunk
from engine.settings import Settings


def trunks(settings: Settings, numbers: Sequence[str]) -> list[Trunk]:
    """Those that take all these numbers, the first to be tried first: as `masking.trunks` has them, or by
    priority. SettingsError: it names one that there is not.
    """
    named = [settings.trunk_named(name) for name in settings.masking.trunks]
    known = named or sorted(settings.trunk, key=lambda one: -one.priority)
    return [one for one in known if all(number.startswith(tuple(one.prefixes) or "") for number in numbers)]
