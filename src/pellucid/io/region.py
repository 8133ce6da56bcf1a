"""A region of an image as the user writes it: ``z0:z1,y0:y1,x0:x1``, in pixels, as slices in Python."""

from __future__ import annotations

import re
from collections.abc import Sequence

from pellucid.errors import InputError

_SPACE = "ZYX"
_PART = re.compile(r"^\s*(?P<start>-?\d+)?\s*:\s*(?P<stop>-?\d+)?\s*$")


def parse_region(text: str, axes: str, shape: Sequence[int]) -> dict[str, slice]:
    """The slice along each axis of an image, in the order of ``axes``; T and C are always whole.

    Args:
        text: ``y0:y1,x0:x1`` (then Z is whole too) or ``z0:z1,y0:y1,x0:x1``. As in Python, either end may be omitted,
            and negative numbers count from the far border; unlike in Python, nothing may lie outside.
        axes: Of the image.
        shape: Along ``axes``.

    Raises:
        InputError: The text is not a region, does not match the axes of the image, or a part is empty or outside.
    """
    sizes = dict(zip(axes, shape, strict=True))
    parts = text.split(",")
    along = [axis for axis in _SPACE if axis in axes]
    if len(parts) not in (2, len(along)):
        wanted = ",".join(f"{axis.lower()}0:{axis.lower()}1" for axis in along)
        raise InputError(f"region {text!r}: has {len(parts)} parts, but the image has the axes {axes}; give {wanted}")
    chosen = {axis: _slice(part, axis, sizes[axis]) for axis, part in zip(along[-len(parts) :], parts, strict=True)}
    return {axis: chosen.get(axis, slice(0, size)) for axis, size in sizes.items()}


def _slice(part: str, axis: str, size: int) -> slice:
    match = _PART.match(part)
    if match is None:
        raise InputError(f"region: {part.strip()!r} is not a range along {axis}; write start:stop, in pixels")
    start, stop = (int(end) if end is not None else None for end in (match["start"], match["stop"]))
    first = 0 if start is None else start + size if start < 0 else start
    last = size if stop is None else stop + size if stop < 0 else stop
    if not (0 <= first <= size and 0 <= last <= size):
        raise InputError(f"region: {part.strip()} lies outside {axis}, which is {size} pixels long; stay within it")
    if first >= last:
        raise InputError(f"region: {part.strip()} is empty along {axis}; the start must be before the stop")
    return slice(first, last)
