"""Formats that are encoded when all pixels are known: until then, the pixels are in a mapped file beside the output.

None of the libraries can continue a file whose writer was killed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from pellucid.errors import RunError
from pellucid.files import reserve
from pellucid.io.layout import Array, Layout
from pellucid.io.memmap import release_map
from pellucid.io.output_spec import ArrayWriter, OutputSpec

#: Writes the pixels, an array in stored order that may exceed the memory, to a new file.
Encode = Callable[[Array, Path], object]


def create_deferred(path: Path, spec: OutputSpec, layout: Layout, encode: Encode) -> ArrayWriter:
    """Reserve space for the raw pixels of an image that ``encode`` will write to ``path`` at the end.

    Raises:
        OSError: The disk is full (ENOSPC).
    """
    raw = _raw(path)
    raw.unlink(missing_ok=True)
    reserve(raw, spec.bytes)
    return _writer(path, spec, layout, encode)


def reopen_deferred(path: Path, spec: OutputSpec, layout: Layout, encode: Encode) -> ArrayWriter:
    """Continue what ``create_deferred`` began; nothing is left to do if the file was already encoded.

    Raises:
        RunError: The raw pixels are missing or of another size.
    """
    raw = _raw(path)
    if not raw.exists() and path.exists():
        return ArrayWriter(None, layout, (1,) * len(spec.shape), lambda: None, parallel=False)
    if not raw.exists() or raw.stat().st_size < spec.bytes:
        raise RunError(f"{spec.path}: the unfinished file is missing or of another size; start over")
    return _writer(path, spec, layout, encode)


def _raw(path: Path) -> Path:
    return path.with_name(f"{path.name}.planes")


def _writer(path: Path, spec: OutputSpec, layout: Layout, encode: Encode) -> ArrayWriter:
    raw = _raw(path)
    planes = np.memmap(raw, spec.dtype, "r+", shape=layout.stored_shape(spec.sizes))

    def finish() -> None:
        part = path.with_name(f"part-{path.name}")  # under another name, so that `path` is never incomplete
        encode(planes, part)
        part.replace(path)
        raw.unlink()

    release = partial(release_map, planes)
    return ArrayWriter(planes, layout, (1,) * len(spec.shape), finish, release=release, parallel=False)
