"""Where results go: names of output files from those of the input."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.images.registry import format_of, split, writable
from pellucid.images.source import Source

FOREIGN = frozenset((".dm3", ".dm4", ".jp2", ".mp4", ".nd2"))
"""Extensions of other image files that have digits in them; `out.v2` or `2024.05` is more likely a folder."""


def is_image(path: str | Path) -> bool:
    """Whether a path names one image by its extension (an OME-Zarr folder too)."""
    return format_of(split(path)[0]) is not None


def output_paths(source: Source, spec: Any, output: Path) -> list[Path]:
    """One file for each image: `output` itself if it names a file and there is one, else names of the input in it.

    Images of a format that is only read become PNG, or Zarr if they are folders.

    Raises:
        InputError: one file for several images, or a file of a format that is not written.
    """
    if is_image(output):
        count = len(source.images) + len(source.left_out)
        if count > 1:
            raise InputError(f"{output}: names one file for {count} images: give a folder")
        return [output]
    if isinstance(spec, str | Path) and is_image(spec) and _is_meant_as_file(output):
        raise InputError(
            f"{output}: {output.suffix} is no format that Pellucid writes; end it in one of {writable()}, or make the "
            "folder first if one is meant"
        )
    return [output / _writable(split(image.path)[0]).name for image in source.images]


def _is_meant_as_file(output: Path) -> bool:
    """Whether a name ends in what looks like an extension, and nothing of that name is a folder yet."""
    suffix = output.suffix.lower()
    return (suffix[1:].isalpha() or suffix in FOREIGN) and not output.is_dir()


def in_folder(target: Path, *folders: str) -> Path:
    """The same name in a folder beside: `out/cells.tif` in `parts/F` is `out/parts/F/cells.tif`.

    So what is written beside results is never among them when their folder is read again.
    """
    file, inner = split(target)
    path = file.parent.joinpath(*folders, file.name)
    return Path(f"{path}:{inner}") if inner else path


def float_path(target: Path) -> Path:
    """The same, but a TIFF where the format of `target` holds no float32."""
    known = format_of(split(target)[0])
    return target if known and "float32" in known.load().WRITABLE else target.with_suffix(".tif")


def refuse_existing(paths: Sequence[Path]) -> None:
    """Raise InputError if one of the files is there already."""
    for path in paths:
        if split(path)[0].exists():
            raise InputError(f"{path}: exists already; choose another output or add --overwrite")


def refuse_unsafe(paths: Sequence[Path], source: Source, spec: Any) -> None:
    """Raise InputError if two outputs are one file, or if one would replace an input or lies in the folder of it."""
    files = [split(path)[0] for path in paths]
    if twice := {file.name for file in files if files.count(file) > 1}:
        raise InputError(f"several outputs would be called {min(twice)}: write the inputs into different folders")
    inputs = {split(image.path)[0].resolve() for image in source.images}
    if isinstance(spec, str | Path) and Path(spec).is_dir():
        inputs.add(Path(spec).resolve())
    for file in files:
        if inputs & {file.resolve(), *file.resolve().parents}:
            raise InputError(f"{file}: lies in the input, which is never written to; choose another output")


def _writable(path: Path) -> Path:
    """The path itself; a Zarr for other folders and those without its extension, a PNG for files that are only read."""
    known = format_of(split(path)[0])
    if known is None:
        return path
    if known.is_folder and path.suffix.lower() != ".zarr":
        return path.with_name((path.stem if path.suffix in known.extensions else path.name) + ".zarr")
    return path if known.load().WRITABLE else path.with_suffix(".png")
