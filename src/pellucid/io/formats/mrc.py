"""MRC (also .map, .rec, .st): a format of electron microscopy, memory-mapped, with voxel sizes in ångström."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import mrcfile
import numpy as np

from pellucid.errors import InputError
from pellucid.files import reserve
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage, Image
from pellucid.io.layout import Array, Layout
from pellucid.io.memmap import release_map
from pellucid.io.output_spec import ArrayWriter, OutputSpec, Style, mapped_writer, refuse_mismatch
from pellucid.io.pixel_size import PixelSize

WRITABLE = ("uint8", "int8", "uint16", "int16", "float16", "float32")
_AXES = {2: "YX", 3: "ZYX", 4: "TZYX"}
_NO_BYTES = "MRC has no unsigned 8-bit mode: stored as uint16 (mode 6), values unchanged"
_IMOD_STAMP = 1146047817  # "IMOD" in the header's extra space; flags follow that tell whether bytes are signed
_IMOD_SIGNED = 1
_PART = 1 << 18  # pixels that are processed at once: they fit in the processor's cache


@dataclass(frozen=True)
class MrcStyle(Style):
    """Whether three dimensions are a stack of images rather than a volume."""

    image_stack: bool = False


STYLE = MrcStyle


def open_file(path: str, inner: str | None) -> Image:
    """Map the file; 3-D data is ZYX (a stack of images too), 4-D data a stack of volumes, TZYX."""
    del inner
    with mrcfile.open(path, header_only=True) as file:
        mode = int(file.header.mode)
        if mode not in (0, 1, 2, 6, 12):
            raise InputError(f"{path}: has MRC mode {mode}, which is not a grey image; convert it to mode 2 (float32)")
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
    """Whether IMOD wrote unsigned bytes: older files are unsigned although mode 0 says signed, which a flag marks."""
    stamp, flags = np.frombuffer(header.extra2.tobytes()[40:48], header.mode.dtype)
    return bool(stamp == _IMOD_STAMP and not flags & _IMOD_SIGNED)


def _pixel_size(file: Any) -> PixelSize | None:
    voxel = file.voxel_size
    sizes = {axis.upper(): float(f"{float(voxel[axis]):.7g}") for axis in "zyx"}
    sizes = {axis: size for axis, size in sizes.items() if size > 0}
    return PixelSize(sizes, "Å") if {"Y", "X"} <= set(sizes) else None


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Map a new file. Unsigned bytes become uint16 (mode 6), because MRC has no mode for them."""
    if len(spec.axes) > 4 or "C" in spec.axes:
        raise InputError(f"{spec.path}: MRC holds YX, ZYX or TZYX, not {spec.axes}; write .tif or .zarr instead")
    style = spec.style if isinstance(spec.style, MrcStyle) else MrcStyle()
    sizes = spec.pixel_size.to("Å").values if spec.pixel_size else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mrcfile warns that a fresh file is empty
        with mrcfile.new_mmap(path, spec.shape, mrcfile.utils.mode_from_dtype(_stored(spec))) as file:
            if len(spec.shape) == 3 and style.image_stack:
                file.set_image_stack()
            # an unknown depth is 0 in MRC
            file.voxel_size = tuple(sizes.get(axis, 0.0) for axis in "XYZ")
    reserve(path, path.stat().st_size)
    return reopen(path, spec)


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Map the pixels of a file that was begun; the header is completed at the end."""
    with mrcfile.mmap(path, mode="r") as file:
        begun = file.data
    stored = _stored(spec)
    refuse_mismatch(spec.path, begun, spec.shape, stored)
    pixels = np.memmap(path, stored, "r+", begun.offset, spec.shape)
    writer = mapped_writer(pixels, spec, Layout(spec.axes), partial(_finish, path, pixels))
    writer.notes = [_NO_BYTES] if stored != spec.dtype else []
    return writer


def _stored(spec: OutputSpec) -> np.dtype[Any]:
    return np.dtype(np.uint16) if spec.dtype == np.uint8 else spec.dtype


def _finish(path: Path, pixels: Array) -> None:
    """Write the range, mean and deviation of all pixels to the header; mrcfile would load all of them at once."""
    lows, highs, sums, squares = [], [], [], []
    flat = pixels.reshape(-1)
    for start in range(0, flat.size, _PART):
        part = flat[start : start + _PART]
        lows.append(part.min())
        highs.append(part.max())
        numbers = part.astype(np.float64)
        sums.append(numbers.sum())
        squares.append(numbers @ numbers)
        release_map(pixels)
    mean = math.fsum(sums) / pixels.size
    with mrcfile.mmap(path, mode="r+") as file:
        file.header.dmin, file.header.dmax, file.header.dmean = min(lows), max(highs), mean
        file.header.rms = math.sqrt(max(0.0, math.fsum(squares) / pixels.size - mean**2))
