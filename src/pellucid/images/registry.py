"""The formats by file extension. A new format is one file in ``formats/`` and one line in ``FORMATS``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from pellucid.errors import InputError
from pellucid.images.atomic import is_zarr
from pellucid.images.image import Image, reading
from pellucid.images.plan import Plan, Sink


class FormatModule(Protocol):
    """What a file in ``formats/`` offers."""

    WRITABLE: tuple[str, ...]

    def open_file(self, path: str, inner: str | None) -> Image:
        """The image in a file, without reading its pixels."""

    def create(self, path: Path, plan: Plan) -> Sink:
        """Start a file at ``path``."""


@dataclass(frozen=True)
class Format:
    """A format's name, its extensions (the first is the one that is recommended) and its module."""

    name: str
    extensions: tuple[str, ...]
    module: str

    def load(self) -> FormatModule:
        """Import the module, and with it the library it needs."""
        return cast(FormatModule, import_module(f"pellucid.images.formats.{self.module}"))


FORMATS = (
    Format("TIFF", (".tif", ".tiff", ".btf", ".tf8"), "tiff"),
    Format("OME-Zarr", (".zarr",), "zarr"),
    Format("HDF5", (".h5", ".hdf5", ".hdf", ".he5"), "hdf5"),
    Format("MRC", (".mrc", ".mrcs", ".map", ".rec", ".st"), "mrc"),
    Format("NPY", (".npy",), "npy"),
    Format("PNG", (".png",), "png"),
    Format("JPEG", (".jpg", ".jpeg"), "jpeg"),
)
_INNER = re.compile(r"^(?P<file>.*\.(?:h5|hdf5|hdf|he5)):(?P<inner>.*)$", re.IGNORECASE)


def readable() -> str:
    """The extensions that are read, for messages."""
    return ", ".join(extension for known in FORMATS for extension in known.extensions)


def split(path: str | Path) -> tuple[Path, str | None]:
    """The file and the path inside it: ``"stack.h5:/raw"`` is ``stack.h5`` and ``/raw``."""
    match = _INNER.match(str(path))
    return (Path(match["file"]), match["inner"].strip() or None) if match else (Path(path), None)


@cache
def _by_extension() -> dict[str, Format]:
    return {extension: known for known in FORMATS for extension in known.extensions}


def format_of(file: Path) -> Format | None:
    """The format of a file name or a Zarr folder; None if it is no image."""
    known = _by_extension().get(file.suffix.lower())
    if known is None and file.is_dir() and is_zarr(file):
        return _by_extension()[".zarr"]
    return known


def open_image(path: str | Path) -> Image:
    """Open an image without reading its pixels.

    Args:
        path: A file, an OME-Zarr folder, or ``"file.h5:/path/in/it"``.

    Raises:
        InputError: It is missing, damaged, of no known format, in colour, or of a shape or pixel type that is not read.
    """
    file, inner = split(path)
    if not file.exists():
        raise InputError(f"{path}: there is no such file; check the path")
    known = format_of(file)
    if known is None and file.is_dir():
        raise InputError(f"{path}: is a folder but no Zarr image; give a file in it, or the folder as a source")
    if known is None:
        raise InputError(f"{path}: is no image that Pellucid reads; it reads {readable()}")
    if file.is_dir() and known.module != "zarr":
        raise InputError(f"{path}: is a folder, not a {known.name} file; rename it or give a file in it")
    with reading(str(path)):
        return known.load().open_file(str(file), inner)


def writable_format(path: Path, plan: Plan) -> Format:
    """The format for an output.

    Raises:
        InputError: The extension is unknown, or the format cannot hold the pixel type.
    """
    known = _by_extension().get(path.suffix.lower())
    if known is None:
        endings = ", ".join(one.extensions[0] for one in FORMATS if one.load().WRITABLE)
        raise InputError(f"{plan.path}: the extension {path.suffix or '(none)'} is not known; use one of {endings}")
    able = known.load().WRITABLE
    if not able:
        raise InputError(f"{plan.path}: {known.name} loses detail and is only read; write .tif or .png instead")
    if plan.dtype.name not in able:
        other = " or ".join(f.extensions[0] for f in FORMATS[:3] if plan.dtype.name in f.load().WRITABLE)
        raise InputError(
            f"{plan.path}: {known.name} cannot hold {plan.dtype.name} pixels; write {other}, "
            f"or ask for one of {', '.join(able)}"
        )
    return known
