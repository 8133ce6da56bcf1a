"""Neuroglancer's precomputed volumes: an ``info`` file and folders of chunks. Read only, at full resolution."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.io.formats.tensorstore import StoredImage, refuse_to_write
from pellucid.io.formats.zarr_metadata import ZarrStyle, whole_factors
from pellucid.io.image import Image
from pellucid.io.layout import Layout
from pellucid.io.manifest import ChunkFiles, Files, Index, WholeFiles
from pellucid.io.pixel_size import PixelSize

WRITABLE: tuple[str, ...] = ()

create = reopen = refuse_to_write


def open_file(path: str, inner: str | None) -> Image:
    """Open the first scale. On disk X comes first and channels last; the image has ZYX, CZYX for several channels."""
    del inner
    file = Path(path) / "info"
    if not file.is_file():
        raise InputError(f"{path}: is not a precomputed volume, as it has no file 'info'; give the folder that has it")
    info = json.loads(file.read_bytes())
    if info.get("type", "image") != "image":
        raise InputError(f"{path}: is a {info['type']}, not an image; give the layer from which it was made")
    scale = info["scales"][0]
    kvstore = {"driver": "file", "path": str(Path(path).resolve())}
    spec: dict[str, Any] = {"driver": "neuroglancer_precomputed", "kvstore": kvstore, "scale_index": 0}
    channels = int(info.get("num_channels", 1))
    image = StoredImage(path, spec, *((Layout("CZYX"), (3, 2, 1, 0)) if channels > 1 else (Layout("ZYX"), (2, 1, 0))))
    image.files = _files(path, scale, image)
    scales = [dict(zip("XYZ", map(float, one["resolution"]), strict=True)) for one in info["scales"]]
    sizes = scales[0]
    offset = dict(zip("XYZ", scale.get("voxel_offset", (0, 0, 0)), strict=True))
    image.pixel_size = PixelSize({axis: sizes[axis] for axis in "ZYX"}, "nm")
    image.style = ZarrStyle(
        chunks=dict(zip(image.axes, image.chunks, strict=True)),
        levels=whole_factors(scales),
        translation={axis: offset[axis] * sizes[axis] for axis in "ZYX" if offset[axis]},
    )
    return image


def _files(path: str, scale: Mapping[str, Any], image: Image) -> Files:
    """The files of a scale: chunks named by position, ``x0-x1_y0-y1_z0-z1``, or shards of chunks from anywhere."""
    folder = Path(path) / scale["key"]
    if scale.get("sharding"):
        return WholeFiles(path, image.shape, lambda: sorted(folder.iterdir()))
    starts = tuple(scale.get("voxel_offset", (0, 0, 0)))[::-1]
    sizes, sides = tuple(scale["size"])[::-1], tuple(scale["chunk_sizes"][0])[::-1]
    lead = image.shape[:-3]  # a chunk contains all channels

    def name(index: Index) -> str:
        parts = zip(index[-3:], starts, sizes, sides, strict=True)
        bounds = [(start + i * side, start + min((i + 1) * side, size)) for i, start, size, side in parts]
        return "_".join(f"{begin}-{end}" for begin, end in reversed(bounds))

    def index(file: str) -> Index | None:
        match = re.fullmatch(r"(-?\d+)-(-?\d+)_(-?\d+)-(-?\d+)_(-?\d+)-(-?\d+)", file)
        if match is None:
            return None
        begins = [int(match[group]) for group in (5, 3, 1)]
        cells = [(begin - start) // side for begin, start, side in zip(begins, starts, sides, strict=True)]
        found = (*(0 for _ in lead), *cells)
        return found if name(found) == file else None

    return ChunkFiles(folder, image.layout, image.shape, (*lead, *sides), name, index)
