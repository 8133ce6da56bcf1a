"""Memory-mapped files: reading and writing fills memory with their pages, which NumPy has no way to release."""

from __future__ import annotations

import mmap
from typing import Any

#: Whether the system drops a map's pages on request; elsewhere (Windows) it does so when memory is short.
_CAN_ASK = hasattr(mmap, "MADV_DONTNEED")


def release_map(array: Any) -> None:
    """Write the changes in a map to its file and drop its pages from memory; the next use reads them again.

    Args:
        array: A ``numpy.memmap`` or a view of one; other arrays are left unchanged.
    """
    mapped = getattr(array, "_mmap", None)
    if mapped is None or mapped.closed:
        return
    mapped.flush()
    if _CAN_ASK:  # nothing is lost: pages of a shared map belong to the file
        mapped.madvise(mmap.MADV_DONTNEED)
