"""EMD of Velox and of the NCEM: HDF5 in which these programs have places of their own for everything. Read only."""

from __future__ import annotations

from pathlib import Path

from pellucid.errors import InputError
from pellucid.io.formats.hdf5 import contents, open_file
from pellucid.io.output_spec import ArrayWriter, OutputSpec

__all__ = ["WRITABLE", "contents", "create", "open_file", "reopen"]

WRITABLE: tuple[str, ...] = ()


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Raise InputError: EMD is not written."""
    del path
    raise InputError(f"{spec.path}: EMD is only read; write .h5 instead")


reopen = create
