"""Neuroglancer's precomputed volumes: an ``info`` file with chunks beside it. Read only, at full resolution."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pellucid.errors import InputError
from pellucid.images.formats.tensorstore import StoredImage, refuse_to_write
from pellucid.images.formats.zarr_metadata import ZarrStyle, whole_factors
from pellucid.images.image import Image
from pellucid.images.layout import Layout
from pellucid.images.pixel_size import PixelSize

WRITABLE: tuple[str, ...] = ()

create = reopen = refuse_to_write


def open_file(path: str, inner: str | None) -> Image:
    """Open the first scale. On disk X comes first and channels last; the image has ZYX, CZYX for several channels."""
    del inner
    file = Path(path) / "info"
    if not file.is_file():
        raise InputError(f"{path}: has no file 'info', and so is no precomputed volume; give the folder that has it")
    info = json.loads(file.read_bytes())
    if info.get("type", "image") != "image":
        raise InputError(f"{path}: is a {info['type']}, not an image; give the layer that it was made from")
    scale = info["scales"][0]
    kvstore = {"driver": "file", "path": str(Path(path).resolve())}
    spec: dict[str, Any] = {"driver": "neuroglancer_precomputed", "kvstore": kvstore, "scale_index": 0}
    channels = int(info.get("num_channels", 1))
    image = StoredImage(path, spec, *((Layout("CZYX"), (3, 2, 1, 0)) if channels > 1 else (Layout("ZYX"), (2, 1, 0))))
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
