"""Maps of files: reading and writing through them fills memory with the file's pages, which have to be let go of."""

from __future__ import annotations

import mmap
from typing import Any

#: Whether this system can be asked to take a map's pages back; elsewhere (Windows) it does so when memory is short.
_CAN_ASK = hasattr(mmap, "MADV_DONTNEED")


def release_map(array: Any) -> None:
    """Write what was changed in a map to its file, and drop the map's pages from memory; the next use reads them again.

    Args:
        array: An array that ``numpy.memmap`` made, or a view of one; any other array is left as it is.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is None or mapped.closed:
        return
    mapped.flush()
    if _CAN_ASK:  # pages of a shared map are the file's own: none of them is lost
        mapped.madvise(mmap.MADV_DONTNEED)
