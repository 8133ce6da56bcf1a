"""What several commands take."""

from __future__ import annotations

import re
from typing import Annotated, Any

from cyclopts import Parameter

from pellucid.errors import InputError

Settings = Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True)]
"""`--set key=value ...`: settings of the recipe."""

Images = Annotated[list[str], Parameter(consume_multiple=True)]
"""Files, folders, globs: as many as the shell makes of a pattern."""

Range = Annotated[tuple[float, float] | None, Parameter(name="--range")]
"""`--range LOW HIGH`: intensities of black and white."""

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_settings(pairs: list[str] | None) -> dict[str, Any]:
    """`["width=16", "steps=500"]` as a mapping; values stay text, the recipe understands them.

    Raises:
        InputError: something without "=".
    """
    settings = {}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set {pair}: write key=value, as in --set width=16")
        settings[key] = value
    return settings


def parse_bytes(text: str | None) -> int | None:
    """`"2G"` as a number of bytes (K, M, G, T are powers of 1024); None stays None.

    Raises:
        InputError: not an amount of memory.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if not match or float(match[1]) == 0:
        raise InputError(f"--memory {text}: write an amount such as 500M or 2G")
    return int(float(match[1]) * _UNITS[match[2].upper()])
