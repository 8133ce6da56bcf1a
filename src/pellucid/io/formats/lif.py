"""LIF, the format of Leica's LAS: one image of a project, ``project.lif:1``. Read only.

The liffile library reads it, which is optional and imported when first used.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from pellucid.errors import InputError
from pellucid.io.formats.microscopes import chosen, library
from pellucid.io.formats.tensorstore import refuse_to_write
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage, Image, reading
from pellucid.io.layout import named_layout
from pellucid.io.pixel_size import PixelSize

WRITABLE: tuple[str, ...] = ()

create = reopen = refuse_to_write


def open_file(path: str, inner: str | None) -> Image:
    """Map the only image of a project, or the one that is named; what cannot be mapped is decoded as a whole."""
    liffile = library("liffile", path)
    with liffile.LifFile(path) as file:
        number = chosen(path, inner, _titles(file))
        found = file.images[number]
        name = path if inner is None else f"{path}:{inner}"
        axes = "".join(found.dims)
        if "S" in axes:
            raise InputError(f"{name}: is a colour image; Pellucid denoises one channel at a time: export one as TIFF")
        if found.is_flim or len(axes) != len(found.dims):
            raise InputError(f"{name}: has the axes {', '.join(found.dims)}, which no image has; export it as TIFF")
        image = ArrayImage(name, Handle(partial(_map, path, number)), named_layout(axes, found.shape, name))
        image.pixel_size = _pixel_size(found.coords, image.axes)
    return image


def contents(path: str) -> list[str]:
    """The images of a project, one line each."""
    with reading(path), library("liffile", path).LifFile(path) as file:
        return [f"{path}:{number}: {title}" for number, title in enumerate(_titles(file))]


def _map(path: str, number: int) -> Any:
    with library("liffile", path).LifFile(path) as file:
        return file.images[number].asarray(out="memmap")


def _titles(file: Any) -> list[str]:
    return [f"{image.path}, {' × '.join(map(str, image.shape))}" for image in file.images]


def _pixel_size(coords: Any, axes: str) -> PixelSize | None:
    """The distance between neighbouring pixels; the file tells where the first and the last are, in metres."""
    steps = {axis: abs(float(coords[axis][1] - coords[axis][0])) for axis in axes if len(coords.get(axis, ())) > 1}
    sizes = {axis: step for axis, step in steps.items() if axis in "ZYX" and step > 0}
    return PixelSize(sizes, "m").to("µm") if {"Y", "X"} <= set(sizes) else None
