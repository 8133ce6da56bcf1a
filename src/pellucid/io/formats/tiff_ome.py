"""The OME-XML of an image, kept for files of the same kind: only what the pixels determine is written anew."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from xml.etree import ElementTree

from pellucid.io.formats.tiff_pixel_size import other_ome_calibration
from pellucid.io.formats.tiff_series import ome_image
from pellucid.io.output_spec import OutputSpec

_TYPES = {"float32": "float", "float64": "double"}
_PLACED = ("ROIRef", "ROI")  # what has a place in the whole image
_NAMED = ("Image", "Pixels", "AcquisitionDate", "Description", "Instrument", "ROI", "StructuredAnnotations")
_CAPITAL = re.compile(r"(?<=[a-z])(?=[A-Z])")
Element = ElementTree.Element


def ome_annotations(xml: str, number: int) -> tuple[str, ...]:
    """What OME-XML says of an image beside pixels, axes and pixel size, in words."""
    root = ElementTree.fromstring(xml)
    image = ome_image(root, number)
    pixels = _child(image, "Pixels")
    if image is None or pixels is None:
        return ()
    channels, planes = list(_children(pixels, "Channel")), list(_children(pixels, "Plane"))
    said = {
        "channel names": any("Name" in channel.attrib for channel in channels),
        "channel colours": any("Color" in channel.attrib for channel in channels),
        "channel settings": any(map(_has_settings, channels)),
        "significant bits": pixels.get("SignificantBits", _bits(pixels)) != _bits(pixels),
        "time increment": "TimeIncrement" in pixels.attrib,
        "times and positions of planes": any(set(plane.attrib) - {"TheZ", "TheT", "TheC"} for plane in planes),
        "acquisition date": _child(image, "AcquisitionDate") is not None,
        "description": _child(image, "Description") is not None,
        "instrument": _child(root, "Instrument") is not None,
        "regions of interest": _child(root, "ROI") is not None,
        "annotations": _child(root, "StructuredAnnotations") is not None,
    }
    others = {_name(child) for parent in (root, image) for child in parent} - set(_NAMED)
    spelled = (_CAPITAL.sub(" ", name).lower() for name in sorted(others) if not name.endswith("Ref"))
    return (*(words for words, applies in said.items() if applies), *other_ome_calibration(pixels.attrib), *spelled)


def _has_settings(channel: Element) -> bool:
    """Whether more is said of a channel than its name and colour."""
    more = set(channel.attrib) - {"ID", "Name", "Color", "SamplesPerPixel"}
    return bool(more) or any(child.attrib or len(child) for child in channel)


def _bits(pixels: Element) -> str:
    """The bits of a pixel."""
    kind = pixels.get("Type", "")
    return {"float": "32", "double": "64"}.get(kind, kind.lstrip("uint"))


def rewrite(xml: str, number: int, spec: OutputSpec) -> tuple[bytes, list[str]]:
    """The OME-XML of an output that holds one of the images or a part of it, and what it does not keep."""
    root = ElementTree.fromstring(xml)
    space = root.tag.rpartition("}")[0] + "}"
    image = ome_image(root, number)
    pixels = _child(image, "Pixels")
    if image is None or pixels is None:
        raise ValueError("the OME-XML has no description of the pixels")
    for other in list(_children(root, "Image")):
        if other is not image:
            root.remove(other)
    root.attrib.pop("UUID", None)
    same = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in "TCZYX"} == _sizes(spec)
    lost = [] if same else _fit(root, image, pixels, spec)
    _set_pixels(pixels, spec, space)
    if spec.history:
        _add_history(image, spec.history, space)
    ElementTree.register_namespace("", space[1:-1])
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True), lost


def _sizes(spec: OutputSpec) -> dict[str, int]:
    return {axis: spec.sizes.get(axis, 1) for axis in "TCZYX"}


def _fit(root: Element, image: Element, pixels: Element, spec: OutputSpec) -> list[str]:
    """Reduce what is said of channels and planes to a part of the image; return what does not fit."""
    first = {axis: spec.offset.get(axis, 0) for axis in "TCZYX"}
    sizes = _sizes(spec)
    channels = list(_children(pixels, "Channel"))
    for place, channel in enumerate(channels):
        if not first["C"] <= place < first["C"] + sizes["C"]:
            pixels.remove(channel)
    for plane in list(_children(pixels, "Plane")):
        places = {axis: int(plane.get(f"The{axis}", 0)) - first[axis] for axis in "TCZ"}
        if all(0 <= place < sizes[axis] for axis, place in places.items()):
            plane.attrib |= {f"The{axis}": str(place) for axis, place in places.items()}
        else:
            pixels.remove(plane)
    placed = [(parent, child) for parent in (root, image) for name in _PLACED for child in _children(parent, name)]
    for parent, child in placed:
        parent.remove(child)
    for notes in _children(root, "StructuredAnnotations"):
        for divided in [child for child in notes if child.get("Namespace", "").lower().endswith("modulo")]:
            notes.remove(divided)  # says how an axis of another length is divided
    return ["regions of interest"] if placed else []


def _set_pixels(pixels: Element, spec: OutputSpec, space: str) -> None:
    leading = spec.axes[:-2]
    pixels.set("DimensionOrder", "XY" + leading[::-1] + "".join(axis for axis in "ZCT" if axis not in leading))
    if pixels.get("Type") != (kind := _TYPES.get(spec.dtype.name, spec.dtype.name)):
        pixels.attrib.pop("SignificantBits", None)
    pixels.set("Type", kind)
    for name in ("BigEndian", "Interleaved"):
        pixels.attrib.pop(name, None)
    for axis, size in _sizes(spec).items():
        pixels.set(f"Size{axis}", str(size))
    for axis, length in spec.pixel_size.values.items() if spec.pixel_size else ():
        pixels.set(f"PhysicalSize{axis}", repr(float(length)))
        pixels.set(f"PhysicalSize{axis}Unit", spec.pixel_size.unit if spec.pixel_size else "")
    for name in ("TiffData", "BinData", "MetadataOnly"):
        for child in list(_children(pixels, name)):
            pixels.remove(child)
    channels = list(_children(pixels, "Channel"))
    for channel in channels:
        channel.set("SamplesPerPixel", "1")
    for place in range(len(channels), _sizes(spec)["C"]):
        pixels.insert(place, Element(f"{space}Channel", {"ID": f"Channel:0:{place}", "SamplesPerPixel": "1"}))
    data = {"IFD": "0", "PlaneCount": str(math.prod(spec.shape[:-2]))}
    pixels.insert(_sizes(spec)["C"], Element(f"{space}TiffData", data))


def _add_history(image: Element, history: str, space: str) -> None:
    """Add a line to an image's description, which the schema wants after the date and before everything else."""
    description = _child(image, "Description")
    if description is None:
        description = Element(f"{space}Description")
        image.insert(0 if _child(image, "AcquisitionDate") is None else 1, description)
    description.text = "\n".join(filter(None, ((description.text or "").rstrip(), history)))


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _children(element: Element | None, name: str) -> Iterator[Element]:
    return (child for child in (element if element is not None else ()) if _name(child) == name)


def _child(element: Element | None, name: str) -> Element | None:
    return next(_children(element, name), None)
