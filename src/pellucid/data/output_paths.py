"""Paths of output files, derived from those of the input."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from pellucid.data.source import Source
from pellucid.errors import InputError
from pellucid.io.registry import CONVERSIONS, format_of, split, writable

COMPRESSED = (".gz", ".bz2")
"""Extensions of files that were compressed as a whole; they are only read."""


def is_image(path: str | Path) -> bool:
    """Whether a path names one image by its extension (an OME-Zarr folder too)."""
    return format_of(split(path)[0]) is not None


def output_paths(source: Source, output: Path) -> list[Path]:
    """The output file of each image: `output` itself if it names a file, else the input's name in that folder.

    Of several images of one file each has its name in that file added: `cells_1.tif`. An image whose name has another
    format's extension gets that of its own. Images of a read-only format become TIFF; JPEG becomes PNG, EMD HDF5,
    folders and zipped ones Zarr.

    Raises:
        InputError: `output` is one file for several images, or of a format that cannot be written.
    """
    if is_image(output):
        count = len(source.images) + len(source.left_out)
        if count > 1:
            raise InputError(f"{output}: names one file for {count} images: give a folder")
        return [output]
    if isinstance(source.spec, str | Path) and is_image(source.spec) and _is_meant_as_file(output):
        raise InputError(
            f"{output}: Pellucid cannot write {output.suffix} files; use one of {writable()}, or, if a folder is "
            "meant, create it first"
        )
    named = [split(image.path) for image in source.images]
    files = Counter(file for file, _ in named)
    return [
        output / _name(file.with_suffix(image.extension or file.suffix), inner, alone=files[file] == 1)
        for image, (file, inner) in zip(source.images, named, strict=True)
    ]


def _name(file: Path, inner: str | None, *, alone: bool) -> str:
    """The name of a result; of several images of one file each has its own: `cells_1.tif`, `stack_raw.h5`."""
    path = _writable(file)
    if alone or inner is None:
        return path.name
    plain = re.sub(r"[^\w.-]+", "_", inner.strip("/"))
    return f"{path.stem}_{plain}{path.suffix}"


def _is_meant_as_file(output: Path) -> bool:
    """Whether a name ends like a file (`out.v2` and `2024.05` do not) and is not an existing folder."""
    suffix = output.suffix.lower()
    return (suffix[1:].isalpha() or suffix in CONVERSIONS) and not output.is_dir()


def in_folder(target: Path, *folders: str) -> Path:
    """Insert folders before the file name: `out/cells.tif` with `estimates/F` is `out/estimates/F/cells.tif`.

    This keeps additional files from being read as images when the folder of the results is read again.
    """
    file, inner = split(target)
    path = file.parent.joinpath(*folders, file.name)
    return Path(f"{path}:{inner}") if inner else path


def float_path(target: Path) -> Path:
    """The path for a float32 image: `target`, or a TIFF beside it if its format cannot hold float32."""
    known = format_of(split(target)[0])
    return target if known and "float32" in known.load().WRITABLE else target.with_suffix(".tif")


def refuse_existing(paths: Sequence[Path]) -> None:
    """Raise InputError if one of the files exists already."""
    for path in paths:
        if split(path)[0].exists():
            raise InputError(f"{path}: exists already; choose another output or add --overwrite")


def refuse_unsafe(paths: Sequence[Path], source: Source) -> None:
    """Raise InputError if two outputs are one file, or if one would replace an input or be inside its folder."""
    files = [split(path)[0] for path in paths]
    if twice := [file.name for file, count in Counter(files).items() if count > 1]:
        raise InputError(f"several outputs would be named {min(twice)}: use different output folders")
    inputs = {split(image.path)[0].resolve() for image in source.images}
    if isinstance(source.spec, str | Path) and Path(source.spec).is_dir():
        inputs.add(Path(source.spec).resolve())
    for file in files:
        if inputs & {file.resolve(), *file.resolve().parents}:
            raise InputError(f"{file}: is inside the input, which is never changed; choose another output")


def _writable(path: Path) -> Path:
    """The path itself; another format for images that are only read, a Zarr for folders without its extension.

    What is compressed as a whole (`map.mrc.gz`) is written uncompressed.
    """
    known = format_of(split(path)[0])
    if known is None:
        return path
    if known.is_folder and path.suffix.lower() != ".zarr":
        return path.with_name((path.stem if path.suffix in known.extensions else path.name) + ".zarr")
    path = path.with_suffix("") if path.suffix.lower() in COMPRESSED else path
    if known.load().WRITABLE:
        return path
    extension = next(one for one in known.extensions if path.name.lower().endswith(one))
    return path.with_name(path.name[: -len(extension)] + known.instead)
