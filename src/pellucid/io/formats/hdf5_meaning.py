"""What programs say in HDF5 of the axes and the size of the pixels, and which data sets are images.

- ilastik: the attribute ``axistags``, and ``element_size_um``, which PlantSeg writes too.
- BigDataViewer: ``t00000/s00/0/cells``, in ZYX; its int16 means uint16.
- Velox: ``Data/Image/.../Data``, in YX and frames, with ``Metadata`` beside it.
- EMD of the NCEM, and others of its kind: a group with ``emd_group_type``, and ``dim1`` and so on beside ``data``.
- Labels and scales of dimensions, as HDF5 defines them.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.errors import InputError
from pellucid.io.axis_names import axis_letter, axis_letters
from pellucid.io.formats.hdf5_storage import dataset_paths
from pellucid.io.layout import Layout, default_layout, named_layout
from pellucid.io.pixel_size import PixelSize, pixel_size_of, readable

#: Sizes along z, y, x in µm.
ELEMENT_SIZE = "element_size_um"
#: The axes in stored order, in JSON.
AXISTAGS = "axistags"
_EMD = "emd_group_type"
_CELLS = re.compile(r"/t\d+/(s\d+)/(\d+)/cells")
_TABLES = re.compile(r"/s\d+/(resolutions|subdivisions)")
_VELOX = re.compile(r"/Data/Image/[^/]+/Data")


class Meaning(NamedTuple):
    """What a data set means.

    Attributes:
        layout: Its axes.
        pixel_size: None if the file does not tell it.
        dtype: What its pixels are, which may not be what they are stored as.
    """

    layout: Layout
    pixel_size: PixelSize | None
    dtype: np.dtype[Any]


class _Told(NamedTuple):
    """What one program's way of writing tells: letters of the axes, and sizes and units by axis."""

    letters: str = ""
    sizes: Mapping[str, float] = {}
    units: Mapping[str, str] = {}


def meaning(dataset: Any, name: str) -> Meaning:
    """What a data set means.

    Raises:
        InputError: What it says of its axes cannot be understood, or is not of an image.
    """
    cells = _cells(dataset)
    told = [cells, _emd(dataset), _axistags(dataset, name), _dimensions(dataset), _velox(dataset)]
    letters = next((one.letters for one in told if len(one.letters) == dataset.ndim), "")
    layout = named_layout(letters, dataset.shape, name) if letters else default_layout(dataset.shape, name)
    sizes = (pixel_size_of(one.sizes, one.units) for one in [_element_size(dataset), *told])
    dtype = dataset.dtype
    if cells.letters and dtype.kind == "i" and dtype.itemsize == 2:
        dtype = np.dtype(dtype.str.replace("i", "u"))
    size = next((one for one in sizes if one), None)
    return Meaning(layout, readable(size) if size and size.unit == "m" else size, dtype)


def image_paths(file: Any, most: int = 1000) -> list[str]:
    """The paths of the data sets that are images, where programs write others too; of several levels the finest."""
    found = [path for path in dataset_paths(file, most) if _has_pixels(file[path])]
    if velox := [path for path in found if _VELOX.fullmatch(path)]:
        return velox
    if emd := [path for path in found if path.endswith("/data") and _EMD in file[path].parent.attrs]:
        return emd
    levels = {path: match for path in found if (match := _CELLS.fullmatch(path))}
    if not levels:
        return found
    return [p for p in found if not _TABLES.fullmatch(p) and (p not in levels or levels[p][2] == "0")]


def path_of_copy(path: str) -> str:
    """The path of a data set in a copy of it: Velox's own would say that its axes are Y, X and frames."""
    return "/data" if _VELOX.fullmatch(path) else path


def reordered_tags(text: str, stored: str, axes: str) -> str:
    """The ``axistags`` of a data set whose axes are written in another order; empty if it has none, or other axes."""
    if not text or stored == axes:
        return text
    if set(stored) != set(axes):
        return ""
    tags = json.loads(text)
    return json.dumps({**tags, "axes": [tags["axes"][stored.index(letter)] for letter in axes]}, indent=2)


def texts_of(value: Any) -> list[str]:
    """The texts of an attribute: a string, bytes, or an array of these; one at least."""
    values = value.reshape(-1).tolist() if isinstance(value, np.ndarray) else [value]
    return [one.decode("utf-8", "replace") if isinstance(one, bytes) else str(one) for one in values] or [""]


def _has_pixels(dataset: Any) -> bool:
    return len(dataset.shape or ()) >= 2 and dataset.dtype.kind in "uifcb"


def _element_size(dataset: Any) -> _Told:
    try:
        sizes = np.atleast_1d(np.asarray(dataset.attrs.get(ELEMENT_SIZE, ()), float))
    except (TypeError, ValueError):
        return _Told()
    if sizes.size not in (2, 3):
        return _Told()
    axes = "ZYX"[-sizes.size :]
    return _Told("", dict(zip(axes, sizes.tolist(), strict=True)), dict.fromkeys(axes, "µm"))


def says_element_size(dataset: Any) -> bool:
    """Whether ``ELEMENT_SIZE`` is such that the size of a pixel is read from it."""
    told = _element_size(dataset)
    return pixel_size_of(told.sizes, told.units) is not None


def _cells(dataset: Any) -> _Told:
    match = _CELLS.fullmatch(dataset.name)
    return _Told("ZYX") if match and f"/{match[1]}/resolutions" in dataset.file else _Told()


def _velox(dataset: Any) -> _Told:
    if not _VELOX.fullmatch(dataset.name):
        return _Told()
    return _Told("YXT"[: dataset.ndim], *_velox_sizes(dataset.parent.get("Metadata")))


def _velox_sizes(metadata: Any) -> tuple[Mapping[str, float], Mapping[str, str]]:
    """The size of a pixel, from JSON, of which each frame has one in a column of bytes."""
    try:
        text = bytes(np.asarray(metadata[:, 0], np.uint8)).partition(b"\0")[0]
        told = json.loads(text)["BinaryResult"]
        sizes = {"X": float(told["PixelSize"]["width"]), "Y": float(told["PixelSize"]["height"])}
        return sizes, {axis: told.get(f"PixelUnit{axis}", "m") for axis in sizes}
    except (KeyError, IndexError, TypeError, ValueError):
        return {}, {}


def _emd(dataset: Any) -> _Told:
    group = dataset.parent
    if _EMD not in group.attrs or not dataset.name.endswith("/data"):
        return _Told()
    first = 0 if "dim0" in group else 1
    scales = [group.get(f"dim{number + first}") for number in range(dataset.ndim)]
    names = [texts_of(scale.attrs.get("name", ""))[0] if scale is not None else "" for scale in scales]
    return _scaled(names, scales)


def _axistags(dataset: Any, name: str) -> _Told:
    if AXISTAGS not in dataset.attrs:
        return _Told()
    try:
        keys = [str(axis["key"]) for axis in json.loads(texts_of(dataset.attrs[AXISTAGS])[0])["axes"]]
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{name}: its attribute 'axistags' is damaged; correct or delete it") from error
    if len(keys) != dataset.ndim:
        raise InputError(
            f"{name}: has {dataset.ndim} dimensions, but its attribute 'axistags' the axes {', '.join(keys)}; correct "
            "or delete it"
        )
    return _Told("".join(map(axis_letter, keys)))


def _dimensions(dataset: Any) -> _Told:
    scales = [dimension[0] if len(dimension) else None for dimension in dataset.dims]
    of_scales = [scale.name.rpartition("/")[2] if scale is not None else "" for scale in scales]
    names = [label or name for label, name in zip(_labels(dataset), of_scales, strict=True)]
    return _scaled(names, scales)


def _labels(dataset: Any) -> list[str]:
    """The labels of the dimensions, of which the library's own function kills the process if they are damaged."""
    labels = texts_of(dataset.attrs.get("DIMENSION_LABELS", ""))
    return labels if len(labels) == dataset.ndim else [""] * dataset.ndim


def _scaled(names: Sequence[str], scales: Sequence[Any]) -> _Told:
    """Named axes, some with a data set of the positions along them and their unit."""
    letters = axis_letters(names)
    steps = {letter: _step(scale) for letter, scale in zip(letters, scales, strict=False) if scale is not None}
    sizes = {letter: step for letter, step in steps.items() if step}
    units = {letter: _unit(scale) for letter, scale in zip(letters, scales, strict=False) if letter in sizes}
    return _Told(letters, sizes, units)


def _step(scale: Any) -> float:
    """The distance of positions that are equally spaced; 0 if it is not known."""
    if scale.ndim != 1 or len(scale) < 2 or scale.dtype.kind not in "uif":
        return 0.0
    positions = np.asarray(scale[:], float)
    steps = np.abs(np.diff(positions))
    step = float(abs(positions[-1] - positions[0]) / steps.size)
    equal = math.isfinite(step) and np.allclose(steps, step, rtol=1e-3, atol=0)
    return float(f"{step:.7g}") if equal else 0.0


def _unit(scale: Any) -> str:
    """The unit of positions; EMD writes nanometres as ``[n_m]``."""
    return texts_of(scale.attrs.get("units", ""))[0].strip("[] ").replace("_", "")
