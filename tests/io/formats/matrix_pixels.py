"""What each format makes of pixel types, axes, pixel sizes and the history: written and read for every cell."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import mrcfile
import numpy as np
import tifffile
import zarr
from nionswift_plugin.DM_IO import dm3_image_utils
from PIL import Image as Pillow

from pellucid.errors import InputError
from pellucid.io.formats.tiff_tags import TiffStyle
from pellucid.io.formats.zarr_metadata import ZarrStyle
from pellucid.io.image import DTYPES
from pellucid.io.output_spec import OutputSpec, Style
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import Writer

KEPT, REFUSED, LOST = "kept", "refused", "LOST"
AXES = ("YX", "ZYX", "CYX", "TYX", "TZYX", "TCZYX")
SIZES = {"T": 2, "C": 3, "Z": 4, "Y": 20, "X": 30}
PIXEL_SIZES = {
    "0.1 nm": PixelSize({"Y": 0.1, "X": 0.1}, "nm"),
    "5 nm": PixelSize({"Y": 5.0, "X": 5.0}, "nm"),
    "Y × X": PixelSize({"Y": 4.0, "X": 5.0}, "nm"),
    "Z × Y × X": PixelSize({"Z": 30.0, "Y": 5.0, "X": 5.0}, "nm"),
    "30 µm": PixelSize({"Y": 30.0, "X": 30.0}, "µm"),
}


@dataclass(frozen=True)
class Target:
    """A format, or a kind of it, that is written.

    Attributes:
        name: In the table.
        extension: Of its files.
        style: That makes the writer choose this kind.
        history: Where the line on what was done stands, in words.
        read_history: The text that stands there.
    """

    name: str
    extension: str
    style: Style
    history: str
    read_history: Callable[[Path], str]


def _page(path: Path) -> Any:
    with tifffile.TiffFile(path) as file:
        return file.pages[0].software


def _info(path: Path) -> str:
    with tifffile.TiffFile(path) as file:
        return str(file.imagej_metadata["Info"])


def _description(path: Path) -> str:
    with tifffile.TiffFile(path) as file:
        return str(tifffile.xml2dict(file.ome_metadata)["OME"]["Image"]["Description"])


def _labels(path: Path) -> str:
    with mrcfile.open(path) as file:
        return "\n".join(file.get_labels())


def _image_tags(path: Path) -> str:
    with path.open("rb") as file:
        return str(dm3_image_utils.load_image(file).metadata["Pellucid"]["History"])


def _attribute(path: Path) -> str:
    with h5py.File(path) as file:
        return str(file["data"].attrs["history"])


def _multiscale(path: Path) -> str:
    attributes = zarr.open_group(path, mode="r").attrs
    told: Any = attributes["multiscales"] if "multiscales" in attributes else attributes["ome"]["multiscales"]
    return "\n".join(told[0]["metadata"]["history"])


def _texts(path: Path) -> str:
    data = path.read_bytes()
    with Pillow.open(path) as file:
        file.load()  # checks the sum of every text
    starts = [match.start() for match in re.finditer(b"tEXtSoftware\0", data)]
    lengths = [struct.unpack(">I", data[start - 4 : start])[0] for start in starts]
    return "\n".join(
        data[start + 4 : start + 4 + size].decode("latin-1") for start, size in zip(starts, lengths, strict=True)
    )


TARGETS = (
    Target("TIFF, plain", ".tif", TiffStyle("plain"), "Software tag", _page),
    Target("TIFF, ImageJ", ".tif", TiffStyle("imagej"), "Info", _info),
    Target("TIFF, OME", ".ome.tif", TiffStyle("ome"), "Description", _description),
    Target("MRC", ".mrc", Style(), "label", _labels),
    Target("DM3", ".dm3", Style(), "image tags", _image_tags),
    Target("DM4", ".dm4", Style(), "image tags", _image_tags),
    Target("HDF5", ".h5", Style(), "attribute `history`", _attribute),
    Target("OME-Zarr 0.4", ".zarr", ZarrStyle(2), "metadata of the multiscale", _multiscale),
    Target("OME-Zarr 0.5", ".zarr", ZarrStyle(3), "metadata of the multiscale", _multiscale),
    Target("NPY", ".npy", Style(), "", lambda _: ""),
    Target("PNG", ".png", Style(), "Software text", _texts),
)


def write(path: Path, array: Any, axes: str, style: Style, **given: Any) -> list[str]:
    """Write an array; the notes on what is not kept."""
    with Writer(OutputSpec(str(path), axes, array.shape, array.dtype, style=style, **given)) as writer:
        for number, plane in enumerate(array.reshape(-1, *array.shape[-2:])):
            writer.write(number, plane)
    return writer.notes


def picture(axes: str, dtype: str = "uint16") -> Any:
    """Pixels that every type can hold, no two planes alike; floats with fractions."""
    numbers = np.random.default_rng(0).integers(0, 120, [SIZES[axis] for axis in axes])
    return (numbers / 4).astype(dtype) if dtype.startswith("float") else numbers.astype(dtype)


def pixels(image: Any) -> Any:
    """All pixels of an image, in its own shape."""
    return np.stack([plane.read() for plane in image.planes]).reshape(image.shape)


def pixel_type_cell(target: Target, dtype: str, path: Path) -> str:
    """What becomes of a pixel type."""
    array = picture("YX", dtype)
    try:
        notes = write(path, array, "YX", target.style)
    except InputError:
        return REFUSED
    image = open_image(path)
    if not np.array_equal(pixels(image), array):
        return LOST
    if image.dtype != dtype:
        return f"{image.dtype}, told" if image.dtype.name in " ".join(notes) else LOST
    return KEPT + _other_kind(target, image)


def axes_cell(target: Target, axes: str, path: Path) -> str:
    """What becomes of axes."""
    array = picture(axes)
    try:
        notes = write(path, array, axes, target.style)
    except InputError:
        return REFUSED
    image = open_image(path)
    if not np.array_equal(pixels(image), array):
        return LOST
    if image.axes != axes:
        return f"{image.axes}, told" if re.search(r"\bax[ie]s\b", " ".join(notes)) else LOST
    return KEPT + _other_kind(target, image)


def _other_kind(target: Target, image: Any) -> str:
    wanted, made = (getattr(style, "kind", None) for style in (target.style, image.style))
    names = {"ome": "as OME", "plain": "as plain"}
    return f", {names[made]}" if made != wanted else ""


def pixel_size_cell(target: Target, name: str, path: Path) -> str:
    """What becomes of a pixel size."""
    size = PIXEL_SIZES[name]
    try:
        axes = "ZYX" if "Z" in size.values else "YX"
        notes = write(path, picture(axes), axes, target.style, pixel_size=size)
    except InputError:
        return REFUSED
    return size_kept(open_image(path).pixel_size, size, notes)


def size_kept(found: PixelSize | None, size: PixelSize, notes: list[str]) -> str:
    """Whether a pixel size is the same, or told as lost."""
    if found is None:
        return "told" if "pixel size" in " ".join(notes) else LOST
    is_same = found.to("nm").values == {axis: _near(value) for axis, value in size.to("nm").values.items()}
    return KEPT if is_same else LOST


class _near(float):
    """A number that equals those within a millionth: formats store single precision, or pixels per unit."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, float) and abs(float(self) - float(other)) <= 1e-6 * float(self)

    __hash__ = float.__hash__


def history_cell(target: Target, path: Path) -> str:
    """Where the history stands, after a second step has been added to it."""
    array, lines = picture("YX"), ("first step", "second step")
    write(path, array, "YX", target.style, history=lines[0])
    again = path.with_name(f"again-{path.name}")
    write(again, array, "YX", open_image(path).style, history=lines[1])
    found = target.read_history(again)
    if not target.history:
        return "no place"
    return target.history if all(line in found for line in lines) else LOST


def rows(folder: Path) -> dict[str, list[list[str]]]:
    """The rows of the tables, by the heading of the table."""
    tables: dict[str, list[list[str]]] = {
        "Pixel types": [["", *DTYPES]],
        "Axes": [["", *AXES]],
        "Pixel sizes and history": [["", *PIXEL_SIZES, "history"]],
    }
    for number, target in enumerate(TARGETS):
        start = folder / f"{number}"
        start.mkdir(parents=True)

        def path(name: str, target: Target = target, start: Path = start) -> Path:
            return start / f"{name}{target.extension}"

        tables["Pixel types"].append([target.name, *(pixel_type_cell(target, one, path(one)) for one in DTYPES)])
        tables["Axes"].append([target.name, *(axes_cell(target, one, path(one)) for one in AXES)])
        sizes = (pixel_size_cell(target, one, path(f"size-{place}")) for place, one in enumerate(PIXEL_SIZES))
        tables["Pixel sizes and history"].append([target.name, *sizes, history_cell(target, path("history"))])
    return tables
