"""DM3 and DM4, the formats of Gatan's DigitalMicrograph: images and stacks, memory-mapped, all other tags kept."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.errors import InputError
from pellucid.files import reserve
from pellucid.io.formats.dm_tags import Group, Tags, Value, listed, new_array, read_tags, write_tags
from pellucid.io.handles import Handle
from pellucid.io.image import ArrayImage, Image, reading
from pellucid.io.layout import Layout
from pellucid.io.output_spec import ArrayWriter, OutputSpec, Style, mapped_writer, refuse_mismatch
from pellucid.io.pixel_size import PixelSize, known_unit

_DOCUMENTS, _SOURCES = "DocumentObjectList", "ImageSourceList"
_TYPES = {
    "uint8": (6, 10),
    "int8": (9, 9),
    "uint16": (10, 4),
    "int16": (1, 2),
    "uint32": (11, 5),
    "int32": (7, 3),
    "float32": (2, 6),
    "float64": (12, 7),
}
"""DigitalMicrograph's number of a pixel type, and the tag type in which such pixels are stored."""
WRITABLE = tuple(_TYPES)
_OTHERS = {
    **dict.fromkeys((3, 5, 13, 27, 28), "complex pixels (a Fourier transform): take their magnitude, as Real 4"),
    **dict.fromkeys((8, 23), "pixels in colour; Pellucid denoises one channel at a time: convert it to Real 4"),
    14: "binary pixels, a mask: convert it to an integer type",
}
_TIMES = ("s", "ms", "µs", "μs", "us", "ns", "min")
_FLOAT, _LONG, _UNSIGNED = 6, 3, 5  # tag types
_SCALE_BAR = 31
_IMAGE = 20  # the type of the annotation that is an image
_MOST_DM3 = 2**31 - 2**25  # bytes of pixels; a DM3 file counts with 32 bits


@dataclass(frozen=True)
class DmStyle(Style):
    """Where the tags of a file are, of which a copy goes into the output, and what they tell."""

    source: str | None = field(default=None, compare=False)
    place: int = field(default=0, compare=False)  # in ImageList
    told: tuple[str, ...] = ()

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        return self.told


STYLE = DmStyle


def open_file(path: str, inner: str | None) -> Image:
    """Map the image of a file, YX, ZYX, or TYX if its third axis is in seconds; ``file.dm4:1`` is one of several."""
    tags = read_tags(path)
    place = _chosen(tags, path, inner)
    data = tags.root.group("ImageList", place, "ImageData")
    name = path if inner is None else f"{path}:{inner}"
    _refuse_spectrum(tags, place, name)
    dtype, start, shape = _stored(tags, data, name)
    image = ArrayImage(name, Handle(partial(np.memmap, path, dtype, "r", start, shape)), Layout(_axes(tags, data)))
    image.pixel_size = _pixel_size(tags, data, image.axes)
    image.style = DmStyle(path, place, _told(tags, place))
    return image


def contents(path: str) -> list[str]:
    """The images in a file, one line each; thumbnails are not among them."""
    with reading(path):
        tags = read_tags(path)
        return [f"{path}:{number}: {_title(tags, place)}" for number, place in enumerate(_places(tags))]


def _title(tags: Tags, place: int) -> str:
    image = tags.root.group("ImageList", place)
    shape = " × ".join(map(str, _shape(tags, image.group("ImageData"))))
    return f"{tags.text(image.find('Name')) or 'without a name'}, {shape} pixels"


def _places(tags: Tags) -> list[int]:
    """The positions in ImageList of the images that are shown; if that is not told, of all but thumbnails."""
    root = tags.root
    everything = range(len(root.group("ImageList").tags))
    small = {tags.number(thumbnail.find("ImageIndex")) for thumbnail in root.groups("Thumbnails")}
    sources = [tags.number(source.find("ImageRef")) for source in root.groups(_SOURCES)]
    documents = (tags.number(document.find("ImageSource")) for document in root.groups(_DOCUMENTS))
    shown = [sources[int(number)] for number in documents if number is not None and 0 <= number < len(sources)]
    for some in (shown, sources, everything):
        if places := [place for place in everything if place in some and place not in small]:
            return places
    return list(everything)


def _chosen(tags: Tags, path: str, inner: str | None) -> int:
    """The position in ImageList of the image with this number, or of the only one."""
    places = _places(tags)
    if not places:
        raise InputError(f"{path}: has no image in it; save it again with DigitalMicrograph")
    if inner is None and len(places) > 1:
        titles = "; ".join(_title(tags, place) for place in places[:4])
        raise InputError(f"{path}: has {len(places)} images ({titles}): name one, as in {path}:0")
    number = int(inner or 0)
    if number >= len(places):
        raise InputError(f"{path}: has no image {number}; it has {len(places)}, of which the first is {path}:0")
    return places[number]


def _shape(tags: Tags, data: Group) -> tuple[int, ...]:
    return tuple(int(tags.number(size) or 0) for _, size in reversed(data.group("Dimensions").tags))


def _units(tags: Tags, data: Group) -> list[str]:
    """The unit along each axis, X first."""
    return [tags.text(each.find("Units")) for each in data.groups("Calibrations", "Dimension")]


def _axes(tags: Tags, data: Group) -> str:
    last = [*_units(tags, data), "", "", ""][2]
    return {2: "YX", 3: "TYX" if last in _TIMES else "ZYX"}[len(_shape(tags, data))]


def _refuse_spectrum(tags: Tags, place: int, name: str) -> None:
    """Raise InputError if it is no image or stack."""
    image = tags.root.group("ImageList", place)
    data = image.group("ImageData")
    shape = _shape(tags, data)
    meaning = tags.text(image.find("ImageTags", "Meta Data", "Format")).lower()
    energies = any("ev" in unit.lower() for unit in _units(tags, data))
    if energies or meaning in ("spectrum", "spectrum image") or len(shape) == 1:
        kind = "a spectrum image" if meaning == "spectrum image" or len(shape) > 2 else "a spectrum"
        raise InputError(f"{name}: is {kind} (shape {shape}), not an image; give an image, or the sum over energies")
    if len(shape) not in (2, 3):
        raise InputError(f"{name}: has {len(shape)} dimensions (shape {shape}); save an image or stack of images of it")


def _stored(tags: Tags, data: Group, name: str) -> tuple[np.dtype[Any], int, tuple[int, ...]]:
    """The type of the pixels, where they begin in the file, and their shape."""
    dtype, shape, pixels = _dtype(tags, data, name), _shape(tags, data), data.find("Data")
    if not isinstance(pixels, Value) or pixels.start is None or pixels.size != math.prod(shape) * dtype.itemsize:
        raise InputError(f"{name}: does not have the pixels of a {shape} {dtype.name} image; save it again")
    return dtype, pixels.start, shape


def _dtype(tags: Tags, data: Group, name: str) -> np.dtype[Any]:
    number = int(tags.number(data.find("DataType")) or 0)
    for known, (own, _) in _TYPES.items():
        if own == number:
            return np.dtype(known).newbyteorder(tags.order)
    other = _OTHERS.get(number, f"DigitalMicrograph's pixel type {number}: convert it to Real 4")
    raise InputError(f"{name}: has {other}")


def _pixel_size(tags: Tags, data: Group, axes: str) -> PixelSize | None:
    sizes: dict[str, PixelSize] = {}
    for axis, each in zip(reversed(axes), data.groups("Calibrations", "Dimension"), strict=False):
        scale, unit = each.find("Scale"), known_unit(tags.text(each.find("Units")))
        size = tags.number(scale) or 0.0
        if unit and axis in "ZYX" and size > 0 and isinstance(scale, Value):
            digits = 7 if scale.kind == (_FLOAT,) else 15
            sizes[axis] = PixelSize({axis: float(f"{size:.{digits}g}")}, unit)
    if not {"Y", "X"} <= set(sizes):
        return None
    unit = sizes["X"].unit
    return PixelSize({axis: sizes[axis].to(unit).values[axis] for axis in axes if axis in sizes}, unit)


def _told(tags: Tags, place: int) -> tuple[str, ...]:
    """What a file says beside pixels, axes and pixel size."""
    image = tags.root.group("ImageList", place)
    names = [name for name, _ in image.group("ImageTags").tags if name and name != "Pellucid"]
    listing = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    units = {unit for unit in _units(tags, image.group("ImageData"))[:2] if unit and not known_unit(unit)}
    brightness = tags.text(image.find("ImageData", "Calibrations", "Brightness", "Units"))
    axes = image.groups("ImageData", "Calibrations", "Dimension")
    drawn = len(_drawn(tags))
    others = len(tags.root.group("ImageList").tags) - len(tags.root.groups("Thumbnails")) - 1
    told = {
        f"image tags ({listing})": names,
        f"calibration in {', '.join(sorted(units))}": units,
        "origin": any(tags.number(each.find("Origin")) for each in axes),
        f"brightness in {brightness}": brightness,
        f"{drawn} annotation{'s' if drawn > 1 else ''}": drawn,
        f"{others} other image{'s' if others > 1 else ''}": others > 0,
    }
    return tuple(phrase for phrase, found in told.items() if found)


def _drawn(tags: Tags) -> list[Group]:
    """What is drawn on the images, beside scale bars: texts, lines, regions."""
    on_each = (document.groups("AnnotationGroupList") for document in tags.root.groups(_DOCUMENTS))
    return [each for some in on_each for each in some if tags.number(each.find("AnnotationType")) != _SCALE_BAR]


def check(spec: OutputSpec) -> None:
    """Raise InputError if the format cannot hold the image."""
    if spec.axes not in ("YX", "ZYX", "TYX"):
        raise InputError(f"{spec.path}: DigitalMicrograph holds YX, ZYX or TYX, not {spec.axes}; write .tif or .zarr")
    if _version(spec) == 3 and spec.bytes > _MOST_DM3:
        raise InputError(f"{spec.path}: a DM3 file holds at most 2 GB, but this has {spec.bytes:,} bytes; write .dm4")
    if spec.inner is not None:
        raise InputError(f"{spec.path}: one image of a file cannot be replaced alone; leave out :{spec.inner}")


def _version(spec: OutputSpec) -> int:
    return 4 if spec.path.lower().endswith(".dm4") else 3


def create(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Map the pixels of a new file, which has the tags of the input if that is DM3 or DM4 too."""
    style = spec.style if isinstance(spec.style, DmStyle) else DmStyle()
    with reading(style.source or spec.path):
        tags = read_tags(style.source) if style.source else _new_tags()
        image = tags.root.group("ImageList", style.place)
        if image.find("ImageData") is None:
            raise InputError(f"{style.source}: has changed, its tags cannot be copied; open it again")
    notes = _set_image(tags, image, spec)
    if others := len(_places(tags)) - 1:
        _show(tags, style.place)
        notes.append(f"{others} other image{'s' if others > 1 else ''} of the file: kept, but not shown")
    write_tags(tags, path, _version(spec))
    reserve(path, path.stat().st_size)
    writer = reopen(path, spec)
    writer.notes += notes
    return writer


def reopen(path: Path, spec: OutputSpec) -> ArrayWriter:
    """Map the pixels of a file that was begun."""
    tags = read_tags(str(path))
    data = tags.root.group("ImageList", _places(tags)[0], "ImageData")
    dtype, start, shape = _stored(tags, data, spec.path)
    mapped: Any = np.memmap(path, dtype, "r+", start, shape)
    refuse_mismatch(spec.path, mapped, spec.shape, spec.dtype.newbyteorder(tags.order))
    return mapped_writer(mapped, spec, Layout(spec.axes))


def _new_tags() -> Tags:
    """The tags that DigitalMicrograph needs to show an image."""
    tags = Tags(Group())
    tags.root.put(listed(Group([("ImageData", Group()), ("ImageTags", Group())])), "ImageList")
    tags.root.put(tags.new_number(_LONG, 8), "Image Behavior", "ViewDisplayID")
    tags.root.put(tags.new_number(_LONG, 1), "InImageMode")
    _show(tags, 0)
    return tags


def _show(tags: Tags, place: int) -> None:
    """Show one image, and nothing else."""
    number = tags.new_number
    sources, documents = tags.root.group(_SOURCES), tags.root.groups(_DOCUMENTS)
    references = [tags.number(source.find("ImageRef")) for source in tags.root.groups(_SOURCES)]
    if place not in references:
        source = Group([("ClassName", tags.new_text("ImageSource:Simple"))])
        source.put(listed(number(_LONG, 0)), "Id")
        source.put(number(_LONG, place), "ImageRef")
        tags.root.put(listed(*(node for _, node in sources.tags), source), _SOURCES)
        references.append(place)
    shown = references.index(place)
    own = [each for each in documents if tags.number(each.find("ImageSource")) == shown]
    new = Group([("AnnotationType", number(_LONG, _IMAGE)), ("ImageSource", number(_LONG, shown))])
    tags.root.put(listed(*(own or [new])), _DOCUMENTS)


def _set_image(tags: Tags, image: Group, spec: OutputSpec) -> list[str]:
    """Set the size, type, calibration and history of an image; the notes on what is not kept."""
    data = image.group("ImageData")
    own, stored = _TYPES[spec.dtype.name]
    before, notes = _shape(tags, data), []
    if before and before != spec.shape:
        notes = _remove_drawn(tags)
    if len(before) == len(spec.shape):
        _move_origins(tags, data, spec)
        size = _pixel_size(tags, data, spec.axes)
    else:
        data.put(listed(*(_uncalibrated(tags) for _ in spec.axes)), "Calibrations", "Dimension")
        size = None
        if spec.axes == "TYX":
            notes.append("DigitalMicrograph names no axes: without a time per plane, T is read as Z")
    if spec.pixel_size and spec.pixel_size != size:
        _calibrate(tags, data, spec.axes, spec.pixel_size)
    data.put(new_array(stored, math.prod(spec.shape)), "Data")
    data.put(tags.new_number(_UNSIGNED, own), "DataType")
    data.put(listed(*(tags.new_number(_UNSIGNED, side) for side in reversed(spec.shape))), "Dimensions")
    data.put(tags.new_number(_UNSIGNED, spec.dtype.itemsize), "PixelDepth")
    if spec.history:
        earlier = tags.text(image.find("ImageTags", "Pellucid", "History"))
        history = f"{earlier}\n{spec.history}" if earlier else spec.history
        image.put(tags.new_text(history), "ImageTags", "Pellucid", "History")
    return notes


def _remove_drawn(tags: Tags) -> list[str]:
    """Remove what is drawn on an image, and where it is shown, which do not fit a part of it."""
    drawn = len(_drawn(tags))
    for document in tags.root.groups(_DOCUMENTS):
        document.remove("AnnotationGroupList")
        document.remove("Rectangle")
    return [f"not kept: {drawn} annotation{'s' if drawn > 1 else ''}, drawn on the whole image"] if drawn else []


def _uncalibrated(tags: Tags) -> Group:
    number = tags.new_number
    return Group([("Origin", number(_FLOAT, 0)), ("Scale", number(_FLOAT, 1)), ("Units", tags.new_text(""))])


def _move_origins(tags: Tags, data: Group, spec: OutputSpec) -> None:
    """Origins count in pixels from the first one: in a part of an image they are elsewhere."""
    for axis, each in zip(reversed(spec.axes), data.groups("Calibrations", "Dimension"), strict=False):
        if shift := spec.offset.get(axis, 0):
            each.put(tags.new_number(_FLOAT, (tags.number(each.find("Origin")) or 0.0) - shift), "Origin")


def _calibrate(tags: Tags, data: Group, axes: str, pixel_size: PixelSize) -> None:
    """Set the pixel size along its axes."""
    dimensions = data.group("Calibrations", "Dimension")
    dimensions.tags += [("", _uncalibrated(tags)) for _ in axes[len(dimensions.tags) :]]
    data.put(dimensions, "Calibrations", "Dimension")
    for axis, each in zip(reversed(axes), data.groups("Calibrations", "Dimension"), strict=False):
        if axis in pixel_size.values:
            each.put(tags.new_number(_FLOAT, pixel_size.values[axis]), "Scale")
            each.put(tags.new_text(pixel_size.unit), "Units")
