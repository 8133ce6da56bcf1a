"""A part of an image as the user writes it: ``z0:z1,y0:y1,x0:x1``, in pixels, with ends left open or counted back."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pellucid.errors import InputError

_SPACE = "ZYX"
_PART = re.compile(r"^\s*(?P<start>-?\d+)?\s*:\s*(?P<stop>-?\d+)?\s*$")


def parse_region(text: str, axes: str, shape: Sequence[int]) -> dict[str, slice]:
    """The slice along every axis of an image, in the order of ``axes``; T and C are always whole.

    Args:
        text: ``y0:y1,x0:x1`` (then Z is whole too) or ``z0:z1,y0:y1,x0:x1``. As in Python, an end may be left out
            and a negative number counts from the far border; unlike there, nothing may lie outside.
        axes: Of the image.
        shape: Along ``axes``.

    Raises:
        InputError: The text is no region, has another number of parts than the image has axes, or a part is empty or
            lies outside.
    """
    sizes = dict(zip(axes, shape, strict=True))
    parts = text.split(",")
    along = [axis for axis in _SPACE if axis in axes]
    if len(parts) not in (2, len(along)):
        wanted = ",".join(f"{axis.lower()}0:{axis.lower()}1" for axis in along)
        raise InputError(f"region {text!r}: has {len(parts)} parts, but this image has the axes {axes}; give {wanted}")
    chosen = {axis: _slice(part, axis, sizes[axis]) for axis, part in zip(along[-len(parts) :], parts, strict=True)}
    return {axis: chosen.get(axis, slice(0, size)) for axis, size in sizes.items()}


def _slice(part: str, axis: str, size: int) -> slice:
    match = _PART.match(part)
    if match is None:
        raise InputError(f"region: {part.strip()!r} is no part along {axis}; write start:stop, in pixels")
    start, stop = (int(end) if end is not None else None for end in (match["start"], match["stop"]))
    first = 0 if start is None else start + size if start < 0 else start
    last = size if stop is None else stop + size if stop < 0 else stop
    if not (0 <= first <= size and 0 <= last <= size):
        raise InputError(
            f"region: {part.strip()} lies outside of {axis}, which is {size} pixels long; stay within them"
        )
    if first >= last:
        raise InputError(f"region: {part.strip()} is empty along {axis}; let it start before it stops")
    return slice(first, last)
