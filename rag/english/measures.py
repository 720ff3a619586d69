"""Units of measure: which unit is how much of which other, so that miles and kilometres can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from types import MappingProxyType

from rag.english.normalise import stem
from rag.english.numbers import Figure

__all__ = ["in_base_unit"]

# Unit, short or long: how many of the base unit, which comes first in each line.
_UNITS = (
    "metre:1 meter:1 m:1 millimetre:.001 millimeter:.001 mm:.001 centimetre:.01 centimeter:.01 cm:.01 kilometre:1000 "
    "kilometer:1000 km:1000 mile:1609.34 yard:.9144 foot:.3048 feet:.3048 ft:.3048 inch:.0254",
    "second:1 minute:60 min:60 hour:3600 day:86400 week:604800 fortnight:1209600",
    "month:1 year:12 decade:120 century:1200",
    "gram:1 gramme:1 kilogram:1000 kilogramme:1000 kilo:1000 kg:1000 tonne:1e6 ounce:28.35",
    "litre:1 liter:1 millilitre:.001 milliliter:.001 gallon:3.785",
    "hectare:1 acre:.4047",
    "watt:1 kilowatt:1e3 megawatt:1e6 mw:1e6 gigawatt:1e9 gw:1e9",
    "kph:1 kmh:1 mph:1.60934",
)


@lru_cache(maxsize=1)
def _factors() -> Mapping[str, tuple[str, float]]:
    """Of each unit's stem: its base unit and how many of them it is."""
    found: dict[str, tuple[str, float]] = {}
    for line in _UNITS:
        pairs = [entry.split(":") for entry in line.split()]
        for name, factor in pairs:
            found[stem(name)] = stem(pairs[0][0]), float(factor)
    return MappingProxyType(found)


def in_base_unit(figure: Figure) -> Figure:
    """The figure in the base unit of its kind: metres, seconds, months, grams, and so on; others as they are.

    >>> from rag.english.numbers import figures
    >>> [(f.value, f.unit) for f in map(in_base_unit, figures("30 centimetres, 90 minutes and nine people"))]
    [(0.3, 'metr'), (5400.0, 'second'), (9.0, 'person')]
    """
    base = _factors().get(figure.unit or "")
    if base is None:
        return figure
    unit, factor = base
    value, low, high = (round(number * factor, 9) for number in (figure.value, figure.low, figure.high))
    return replace(figure, unit=unit, value=value, low=low, high=high)
