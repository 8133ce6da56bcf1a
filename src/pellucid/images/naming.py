"""Where results go: names of output files from those of the input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.images.registry import format_of, split
from pellucid.images.source import Source


def is_image(path: str | Path) -> bool:
    """Whether a path names one image by its extension (an OME-Zarr folder too)."""
    return format_of(split(path)[0]) is not None


def beside(spec: str | Path) -> Path:
    """Where the result goes if nobody says: beside the input, with `_denoised` in the name.

    Raises:
        InputError: the input is a glob.
    """
    file, inner = split(spec)
    if any(letter in str(file) for letter in "*?["):
        raise InputError(f"{spec}: for several files say where the results shall go")
    named = extra_path(file, "denoised") if is_image(file) else file.with_name(f"{file.name}_denoised")
    return Path(f"{named}:{inner}") if inner else named


def output_paths(source: Source, spec: Any, output: Path) -> list[Path]:
    """One file for each image: `output` itself if input and output each name one image, else names of the input in it.

    Raises:
        InputError: one file for several images, or two inputs of one name.
    """
    one = isinstance(spec, str | Path) and len(source.images) == 1 and is_image(spec)
    if is_image(output):
        if not one:
            raise InputError(f"{output}: names one file for {len(source.images)} images: give a folder")
        return [output]
    paths = [output / split(image.path)[0].name for image in source.images]
    twice = {path.name for path in paths if paths.count(path) > 1}
    if twice:
        raise InputError(f"several inputs are called {twice.pop()}: write them into different folders")
    return paths


def extra_path(target: Path, what: str) -> Path:
    """`cells.ome.tif` with `F` becomes `cells_F.ome.tif`."""
    stem, dot, extensions = target.name.partition(".")
    return target.with_name(f"{stem}_{what}{dot}{extensions}")


def float_path(target: Path, what: str) -> Path:
    """As `extra_path`, but a TIFF where the format of `target` holds no float32."""
    known = format_of(split(target)[0])
    path = extra_path(target, what)
    return path if known and "float32" in known.load().WRITABLE else path.with_suffix(".tif")


def refuse_existing(paths: Sequence[Path]) -> None:
    """Raise InputError if one of the files is there already."""
    for path in paths:
        if split(path)[0].exists():
            raise InputError(f"{path}: exists already; choose another output or add --overwrite")
