"""OME-Zarr in a zip file (``.zarr.zip``, ``.ozx``). Read only: a zip file cannot be written in parts."""

from __future__ import annotations

from pellucid.io.formats.tensorstore import refuse_to_write
from pellucid.io.formats.zarr import listed, open_stored
from pellucid.io.formats.zarr_store import ZipFileStore
from pellucid.io.image import Image

WRITABLE: tuple[str, ...] = ()

create = reopen = refuse_to_write


def open_file(path: str, inner: str | None) -> Image:
    """Open what ``zarr`` would open in the folder."""
    return open_stored(ZipFileStore(path), inner)


def contents(path: str) -> list[str]:
    """The images in it."""
    return listed(ZipFileStore(path))
