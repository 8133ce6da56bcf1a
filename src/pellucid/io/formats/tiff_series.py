"""The images in a TIFF file, which tifffile calls series: which one is meant, and whether all its planes are there."""

from __future__ import annotations

import json
import math
import re
import struct
from collections.abc import Iterator
from operator import add
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import tifffile

from pellucid.errors import InputError
from pellucid.io.layout import SAMPLES, Layout, named_layout

_GREY = (0, 1, 3, 32844, 34892, 51177)  # white is 0, black is 0, palette, log luminance, linear raw, depth
_COLOUR = (2, 6)  # RGB, and YCbCr, which is decoded to RGB
_MASK = 4
_ALPHA = (1, 2)  # of ExtraSamples: associated and unassociated
_REDUCED = 0b101  # of NewSubfileType: a smaller version of another image, or its transparency


def open_tiff(path: str) -> Any:
    """Open a file with tifffile, which would take pages of all shapes in a file of Olympus's for one stack."""
    tif = tifffile.TiffFile(path)
    if tif.is_sis and len({page.shape for page in tif.pages}) > 1:
        tif.close()
        return tifffile.TiffFile(path, is_sis=False)
    return tif


def choose(tif: Any, path: str, inner: str | None) -> Any:
    """The series with the number ``inner``; else the only grey one in full size, or, if none is grey, the only one.

    Raises:
        InputError: There is no such series, or several are alike.
    """
    found = tif.series
    if not found:
        raise InputError(f"{path}: contains no image; export it again")
    if inner is not None:
        if int(inner) >= len(found):
            raise InputError(f"{path}: has no image {inner}; it has {len(found)}, counted from 0")
        return found[int(inner)]
    full = _full_size(found)
    grey = [one for one in full if one.keyframe.photometric in _GREY]
    candidates = grey or full
    if len(candidates) > 1:
        shapes = ", ".join(f"{one.shape} {one.dtype}" for one in candidates[:4])
        raise InputError(
            f"{path}: contains {len(candidates)} images ({shapes}); choose one by its number, as in "
            f"{path}:{found.index(candidates[0])}"
        )
    return candidates[0]


def _full_size(found: list[Any]) -> list[Any]:
    """All but thumbnails and masks: those that say so, and those of at most half the largest one's width and height."""
    pages = [one.keyframe for one in found]
    marked = [bool(page.subfiletype & _REDUCED) or page.photometric == _MASK for page in pages]
    full = [one for one, is_marked in zip(found, marked, strict=True) if not is_marked] or found
    largest = max((one.keyframe for one in full), key=lambda page: page.imagelength * page.imagewidth)
    return [
        one
        for one in full
        if 2 * one.keyframe.imagelength > largest.imagelength or 2 * one.keyframe.imagewidth > largest.imagewidth
    ]


def describe(tif: Any, path: str) -> list[str]:
    """A line for every series: what opens it, its axes, shape and pixel type, and what else it is."""
    lines = []
    for number, one in enumerate(tif.series):
        page = one.keyframe
        kinds = {
            "colour": page.photometric not in _GREY,
            "reduced": bool(page.subfiletype & _REDUCED),
            f"{len(one.levels)} levels": len(one.levels) > 1,
        }
        said = "".join(f", {kind}" for kind, applies in kinds.items() if applies)
        lines.append(f"{path}:{number}  {one.axes} {one.shape} {one.dtype}{said}")
    return lines


def layout_of(series: Any, path: str) -> Layout:
    """The order of the axes. Grey samples that are not declared as alpha are channels.

    Raises:
        InputError: The pixels are of a kind that is not grey, or not read.
    """
    page, axes = series.keyframe, series.axes
    if 0 in series.shape:
        raise InputError(f"{path}: is empty (shape {series.shape}): give an image with pixels")
    if page.dtype is None:
        raise InputError(f"{path}: has {page.bitspersample}-bit pixels, which are not read; convert it to 16 bits")
    if page.photometric not in (*_GREY, *_COLOUR):
        kind = getattr(page.photometric, "name", page.photometric)
        raise InputError(f"{path}: is a colour image ({kind}); convert it to grey")
    if SAMPLES in axes:
        grey = page.photometric in _GREY
        declared = sum(1 for extra in page.extrasamples if extra in _ALPHA)
        channels = page.samplesperpixel - declared
        if grey and declared == 0 and "C" not in axes:
            axes = axes.replace(SAMPLES, "C")
        elif channels != (1 if grey else 3):
            raise InputError(
                f"{path}: has {page.samplesperpixel} values a pixel, of which {declared} are declared as alpha; "
                "save each channel as an image of its own"
            )
    return named_layout(axes, series.shape, path)


def has_alpha(series: Any) -> bool:
    """Whether the pixels have an opacity, which is not read."""
    return SAMPLES in series.axes and any(extra in _ALPHA for extra in series.keyframe.extrasamples)


def planes_of(series: Any) -> int:
    """The number of pages that the shape of a series needs."""
    pixels: int = math.prod(series.shape)
    return pixels // int(series.keyframe.size)


def unnamed_pages(tif: Any) -> int:
    """How many pages of an ImageJ or OME file are in none of the images that its description names."""
    if not (tif.is_imagej or tif.is_ome):
        return 0
    return max(0, len(tif.pages) - sum(map(planes_of, tif.series)))


def refuse_incomplete(tif: Any, number: int, path: str) -> None:
    """Raise InputError if the file ends too early, or holds fewer planes of a series than it says."""
    series = tif.series[number]
    _refuse_lost_tags(tif, series, path)
    _refuse_lost_files(tif, path)
    said, shown = max(_said_planes(tif, series, number), len(series.pages)), planes_of(series)
    is_mapped = series.dataoffset is not None
    held = shown if is_mapped else sum(map(bool, series.pages))
    if said > held:
        raise InputError(f"{path}: is cut off: says {said} planes, holds {held}; copy or export it again")
    if held > shown:
        raise InputError(f"{path}: says {shown} planes, but holds {held}; open it in Fiji and save it again")
    if is_mapped:
        _refuse_short(tif, series.dataoffset + series.nbytes, path)
    else:
        _refuse_cut_pages(series, path)
    if not (is_mapped and series.kind == "imagej" and said > 1):  # a stack that needs no entries but the first
        _refuse_broken_chain(tif, path)


def _refuse_lost_tags(tif: Any, series: Any, path: str) -> None:
    """Refuse a file whose tags point beyond its end: tifffile leaves these out, and with them what they say."""
    if tif.is_ndpi:
        return  # its entries have a form of their own
    for page in (tif.pages.first, series.keyframe):
        if page.parent is tif and max(_ends_of_tags(tif, page), default=0) > tif.filehandle.size:
            raise InputError(f"{path}: is cut off before the end of its tags; copy or export it again")


def _ends_of_tags(tif: Any, page: Any) -> Iterator[int]:
    """The positions at which the values of a page's tags end, where these are not in the entry itself."""
    form = tif.tiff
    entries, _ = _entries_and_next(tif, page)
    for _, kind, count, value in struct.iter_unpack(form.tagheaderformat, entries):
        size = count * struct.calcsize(tifffile.TIFF.DATA_FORMATS.get(kind, "0s"))
        if size > form.tagoffsetthreshold:
            yield struct.unpack(form.offsetformat, value)[0] + size


def _entries_and_next(tif: Any, page: Any) -> tuple[bytes, bytes]:
    """The entries of a page as stored, and the position of the next page's, which may be cut off."""
    form, handle = tif.tiff, tif.filehandle
    handle.seek(page.offset)
    (tags,) = struct.unpack(form.tagnoformat, handle.read(form.tagnosize))
    return handle.read(tags * form.tagsize), handle.read(form.offsetsize)


def _refuse_lost_files(tif: Any, path: str) -> None:
    """Refuse an OME-TIFF of several files some of which are not there: tifffile would read zeros."""
    root = ome_root(tif)
    folder = Path(tif.filehandle.path).parent
    for element in root.iter() if root is not None else ():
        name = element.get("FileName") or element.get("MetadataFile")
        if element.tag.endswith("}BinaryOnly"):
            raise InputError(f"{path}: is a part of the image that {name} describes; open that file if it is a TIFF")
        is_own = element.text == root.get("UUID") if root is not None else False
        if element.tag.endswith("}UUID") and name and not is_own and not (folder / name).exists():
            raise InputError(f"{path}: has planes in {name}, which is missing; put that file beside it")


def ome_root(tif: Any) -> ElementTree.Element | None:
    """The OME-XML of a file; None if it has none that can be read."""
    try:
        return ElementTree.fromstring(tif.ome_metadata) if tif.is_ome else None
    except ElementTree.ParseError:
        return None


def ome_image(root: ElementTree.Element, number: int) -> ElementTree.Element | None:
    """The description of one of the images in OME-XML."""
    images = [element for element in root if element.tag.endswith("}Image")]
    return images[number] if number < len(images) else None


def files_of_set(series: Any) -> list[Path]:
    """The files that hold the planes of a series: several for some OME-TIFF."""
    return sorted({Path(page.parent.filehandle.path) for page in series.pages if page is not None})


def _said_planes(tif: Any, series: Any, number: int) -> int:
    """The pages that the file's description says that a series has; 0 if it does not say."""
    page = series.keyframe
    pixels: int = page.size
    if tif.is_imagej:
        return _imagej_planes(tif.imagej_metadata or {}, page)
    if page.shaped_description:
        return math.prod(_shaped_sizes(page.shaped_description)) // pixels
    root = ome_root(tif)
    image = ome_image(root, number) if root is not None else None
    told = next((element for element in image or () if element.tag.endswith("}Pixels")), None)
    sizes = [int(told.get(f"Size{axis}", 1)) for axis in "TCZYX"] if told is not None else [0]
    return math.prod(sizes) // pixels


def _shaped_sizes(description: str) -> list[int]:
    """The shape in tifffile's own description: in JSON, in old files behind "shape="."""
    if description.startswith("shape="):
        return [int(size) for size in re.findall(r"\d+", description)]
    return [int(size) for size in json.loads(description)["shape"]]


def _imagej_planes(said: dict[str, Any], page: Any) -> int:
    channels, images = (int(said.get(key, 1)) for key in ("channels", "images"))
    places = int(said.get("slices", 1)) * int(said.get("frames", 1))
    if page.samplesperpixel > 1:  # which Bio-Formats calls channels
        return places if channels == page.samplesperpixel else places * channels
    return max(places * channels, images)


def _refuse_cut_pages(series: Any, path: str) -> None:
    """Refuse pages that end beyond their file, which may be another one of a set."""
    needed: dict[Any, int] = {}
    for page in series.pages:
        if page is not None:
            ends = map(add, page.dataoffsets, page.databytecounts)
            needed[page.parent] = max(needed.get(page.parent, 0), *ends, 0)
    for tif, bytes_needed in needed.items():
        own = len(needed) == 1
        _refuse_short(tif, bytes_needed, path if own else f"{path}: {Path(tif.filehandle.path).name}")


def _refuse_short(tif: Any, needed: int, path: str) -> None:
    size = tif.filehandle.size
    if needed > size:
        raise InputError(f"{path}: is cut off ({size:,} of {needed:,} bytes); copy or export it again")


def _refuse_broken_chain(tif: Any, path: str) -> None:
    """Refuse a file in which the last page names a next one that is not there."""
    if tif.is_ndpi:
        return  # its entries have a form of their own
    _, following = _entries_and_next(tif, tif.pages[len(tif.pages) - 1])
    if len(following) < tif.tiff.offsetsize or struct.unpack(tif.tiff.offsetformat, following)[0] != 0:
        raise InputError(f"{path}: is cut off after {len(tif.pages)} pages, and says that more follow; copy it again")
