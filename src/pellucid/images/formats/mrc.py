"""MRC (also .map, .rec, .st): electron microscopy's own format, mapped from disk, with voxel sizes in ångström."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np

from pellucid.errors import InputError
from pellucid.images.atomic import reserve
from pellucid.images.handles import Handle
from pellucid.images.image import ArrayImage, Image, PixelSize
from pellucid.images.layout import Layout
from pellucid.images.plan import Plan, Sink

WRITABLE = ("uint8", "int8", "uint16", "int16", "float16", "float32")
_AXES = {2: "YX", 3: "ZYX", 4: "TZYX"}
_NO_BYTES = "MRC has no unsigned 8-bit mode: stored as uint16 (mode 6), values unchanged"
_IMOD_STAMP = 1146047817  # "IMOD" in the header's extra space: its flags tell whether bytes are signed
_IMOD_SIGNED = 1


@dataclass(frozen=True)
class MrcStyle:
    """Whether three dimensions are a stack of images, not a volume."""

    image_stack: bool = False


def open_file(path: str, inner: str | None) -> Image:
    """Map the file; 3-D data is ZYX (a stack of images too), 4-D a stack of volumes, TZYX."""
    del inner
    with mrcfile.open(path, header_only=True) as file:
        mode = int(file.header.mode)
        if mode not in (0, 1, 2, 6, 12):
            raise InputError(f"{path}: has MRC mode {mode}, which is no grey image; convert it to mode 2 (float32)")
        style = MrcStyle(int(file.header.ispg) == 0)
        pixel_size = _pixel_size(file)
        unsigned = mode == 0 and _imod_unsigned(file.header)
    opener = partial(_map, path, unsigned)
    image = ArrayImage(path, Handle(opener), Layout(_AXES[opener().ndim]))
    image.style = style
    image.pixel_size = pixel_size.along(image.axes) if pixel_size else None
    return image


def _map(path: str, unsigned: bool) -> Any:
    with mrcfile.mmap(path, mode="r") as file:
        data = file.data
    return data.view(np.uint8) if unsigned else data


def _imod_unsigned(header: Any) -> bool:
    """IMOD's older byte files are unsigned though mode 0 says signed; it marks the signed ones by a flag."""
    stamp, flags = np.frombuffer(header.extra2.tobytes()[40:48], header.mode.dtype)
    return bool(stamp == _IMOD_STAMP and not flags & _IMOD_SIGNED)


def _pixel_size(file: Any) -> PixelSize | None:
    voxel = file.voxel_size
    sizes = {axis.upper(): float(f"{float(voxel[axis]):.7g}") for axis in "zyx"}
    sizes = {axis: size for axis, size in sizes.items() if size > 0}
    return PixelSize(sizes, "Å") if {"Y", "X"} <= set(sizes) else None


def create(path: Path, plan: Plan) -> Sink:
    """Map a new file. Bytes without sign become uint16 (mode 6), for MRC has no mode for them."""
    if len(plan.axes) > 4 or "C" in plan.axes:
        raise InputError(f"{plan.path}: MRC holds YX, ZYX or TZYX, not {plan.axes}; write .tif or .zarr instead")
    stored = np.dtype(np.uint16) if plan.dtype == np.uint8 else plan.dtype
    notes = [_NO_BYTES] if stored != plan.dtype else []
    style = plan.style if isinstance(plan.style, MrcStyle) else MrcStyle()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mrcfile warns that a fresh file is empty
        file = mrcfile.new_mmap(path, plan.shape, mrcfile.utils.mode_from_dtype(stored))
    reserve(path, path.stat().st_size)
    if plan.shape and len(plan.shape) == 3 and style.image_stack:
        file.set_image_stack()
    sizes = plan.pixel_size.to("Å").values if plan.pixel_size else {}
    # a depth that nobody gave stays 0, which is MRC's "unknown"
    file.voxel_size = tuple(sizes.get(axis, 0.0) for axis in "XYZ")

    def finish() -> None:
        file.update_header_stats()
        file.close()

    return Sink(file.data, Layout(plan.axes), finish, abort=file.close, notes=notes)
