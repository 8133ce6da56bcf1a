"""Numbers that a person types: "0.5" and "0,5" are the same."""

from __future__ import annotations

import math

from pellucid.errors import InputError


def parse_number(text: str | float | None, what: str) -> float | None:
    """The number in a field; None if the field is empty.

    Args:
        text: what was typed, with a comma or a point.
        what: the field is called in messages.

    Raises:
        InputError: it is not a positive number.
    """
    plain = str(text if text is not None else "").strip().replace("\N{NO-BREAK SPACE}", "").replace(" ", "")
    if not plain:
        return None
    try:
        value = float(plain.replace(",", ".") if plain.count(",") == 1 and "." not in plain else plain)
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value <= 0:
        raise InputError(f"{what} {text}: write a positive number such as 10 or 0.5")
    return value


def duration(seconds: float) -> str:
    """A time in words, as exact as anyone wants it: "4 min 20 s"."""
    whole = round(max(0.0, seconds))
    hours, minutes, rest = whole // 3600, whole // 60 % 60, whole % 60
    if hours:
        return f"{hours} h {minutes} min"
    if minutes >= 10:
        return f"{minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
