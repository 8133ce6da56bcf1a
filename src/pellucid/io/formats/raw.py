"""Bare pixels, memory-mapped, which the user describes after a colon: ``scan.raw:512x512xuint16``. Read only.

After rows × columns, or planes × rows × columns and so on, and the pixel type there may be ``:>`` for numbers that are
stored big-endian, and ``:1024`` for a header of as many bytes: ``scan.raw:40x512x512xuint16:>:1024``.
"""

from __future__ import annotations

import math
import re
from functools import partial
from pathlib import Path

import numpy as np

from pellucid.errors import InputError
from pellucid.io.formats.tensorstore import refuse_to_write
from pellucid.io.handles import Handle
from pellucid.io.image import DTYPES, ArrayImage, Image
from pellucid.io.layout import default_layout

WRITABLE: tuple[str, ...] = ()
_DESCRIPTION = re.compile(
    r"(?P<shape>\d+(?:x\d+){1,4})[x:](?P<dtype>[a-z]+\d+)(?::(?P<order>[<>]))?(?::(?P<header>\d+))?", re.IGNORECASE
)

create = reopen = refuse_to_write


def open_file(path: str, inner: str | None) -> Image:
    """Map a file as described after its name; its axes are YX, ZYX, TZYX or TCZYX, by the number of dimensions."""
    match = _DESCRIPTION.fullmatch((inner or "").replace("×", "x").replace(" ", ""))
    if match is None:
        raise InputError(
            f"{path}: does not tell its shape and pixel type; give them, as in {path}:512x512xuint16 (rows × columns) "
            f"or {path}:40x512x512xuint16:>:1024 (planes × rows × columns, big-endian, a header of 1024 bytes)"
        )
    name = f"{path}:{inner}"
    if match["dtype"].lower() not in DTYPES:
        raise InputError(f"{name}: the pixel type {match['dtype']} is not known; use one of {', '.join(DTYPES)}")
    dtype = np.dtype(match["dtype"].lower()).newbyteorder(">" if match["order"] == ">" else "<")
    shape = tuple(int(side) for side in match["shape"].lower().split("x"))
    header = int(match["header"] or 0)
    _refuse_other_size(path, name, header, math.prod(shape) * dtype.itemsize)
    return ArrayImage(
        name, Handle(partial(np.memmap, path, dtype, "r", header, shape)), default_layout((*shape,), name)
    )


def _refuse_other_size(path: str, name: str, header: int, described: int) -> None:
    size = Path(path).stat().st_size
    if size == header + described:
        return
    hint = f"; if it begins with a header, add :{size - described}" if size > described and not header else ""
    raise InputError(f"{name}: the file has {size:,} bytes, not {header + described:,}; correct the shape{hint}")
