"""What an ImageJ file says beside its pixels: its description and its own tags, kept for files of the same kind."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.io.output_spec import OutputSpec

_OWN = ("Info", "Labels", "Ranges", "LUTs", "Plot", "ROI", "Overlays", "Properties")  # in ImageJ's tags
# written from the image
_LAYOUT = ("images", "channels", "slices", "frames", "order", "axes", "unit", "yunit", "zunit", "spacing")
_NO_UNIT = ("", "pixel", "pixels")
_SAID = {
    "labels": ("Labels",),
    "colours": ("LUTs",),
    "display range": ("Ranges", "min", "max"),
    "info text": ("Info",),
    "overlay": ("Overlays", "ROI"),
    "plot": ("Plot",),
    "properties": ("Properties",),
    "frame interval": ("finterval", "fps"),
    "calibration of values": ("cf", "vunit"),
    "origin": ("xorigin", "yorigin", "zorigin"),
}


@dataclass(frozen=True)
class ImageJMetadata:
    """All that an ImageJ file says, and the size of the image along each axis, for what is said of each plane."""

    said: tuple[tuple[str, Any], ...] = ()
    sizes: tuple[tuple[str, int], ...] = ()
    unknown: tuple[str, ...] = ()  # names of tags whose form is not known, which are not kept
    calibration: tuple[tuple[str, Any], ...] = ()  # of the axes, where it is no length

    @property
    def annotations(self) -> tuple[str, ...]:
        """What it says, in words."""
        keys = dict(self.said)
        known = tuple(words for words, names in _SAID.items() if any(name in keys for name in names))
        return known + self._other_calibration + self.unknown

    @property
    def _other_calibration(self) -> tuple[str, ...]:
        told = dict(self.calibration)
        unit = str(told.get("unit", told.get("zunit", "")))
        says = unit not in _NO_UNIT or ("Z" in dict(self.sizes) and told.get("spacing", 1) != 1)
        return (f"calibration in {unit or 'pixels'}",) if says else ()

    def other_calibration(self, spec: OutputSpec) -> dict[str, Any]:
        """What is written of the size of a pixel beside the one that the image has."""
        told = dict(self.calibration)
        known = spec.pixel_size.values if spec.pixel_size else {}
        return {} if "Z" in known or (known and "unit" in told) else told


def read_imagej(
    metadata: Mapping[str, Any], sizes: Mapping[str, int], calibration: Mapping[str, Any]
) -> ImageJMetadata:
    """What the metadata of an open file say, in a form that can be compared."""
    unknown = tuple(key for key, value in metadata.items() if key not in _OWN and _is_binary(value))
    kept = {key: _frozen(value) for key, value in metadata.items() if key not in (*_LAYOUT, *unknown)}
    if isinstance(kept.get("Labels"), str):
        kept["Labels"] = (kept["Labels"],)
    names = tuple(f"ImageJ's {key!r}" for key in unknown)
    return ImageJMetadata(tuple(kept.items()), tuple(sizes.items()), names, tuple(calibration.items()))


def _is_binary(value: Any) -> bool:
    return isinstance(value, bytes | list)


def _frozen(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tobytes()
    if isinstance(value, dict):
        return tuple(value.items())
    return tuple(map(_frozen, value)) if isinstance(value, list | tuple) else value


def imagej_options(metadata: ImageJMetadata, spec: OutputSpec) -> tuple[dict[str, Any], list[str]]:
    """What tifffile writes into the description and ImageJ's tags, and what is not kept because it does not fit."""
    kept = dict(metadata.said)
    lost = list(metadata.unknown)
    if kept and dict(metadata.sizes) != spec.sizes:
        lost += _fit(kept, dict(metadata.sizes), spec)
    if spec.history:
        kept["Info"] = f"{kept['Info'].rstrip()}\n{spec.history}\n" if kept.get("Info") else f"{spec.history}\n"
    if "LUTs" in kept:
        luts = kept["LUTs"] if isinstance(kept["LUTs"], tuple) else (kept["LUTs"],)
        kept["LUTs"] = [np.frombuffer(lut, np.uint8).reshape(-1, 256) for lut in luts]
    if "Properties" in kept:
        kept["Properties"] = dict(kept["Properties"])
    kept |= {name: value for name, value in metadata.other_calibration(spec).items() if name != "resolution"}
    for key in set(kept) - set(_OWN):
        kept[key] = _ascii(kept[key]) if isinstance(kept[key], str) else kept[key]
    return kept, lost


def _ascii(text: str) -> str:
    """Text as ImageJ writes it: other letters by their numbers, as Java does."""
    return "".join(letter if letter.isascii() else f"\\u{ord(letter):04X}" for letter in text)


def _fit(kept: dict[str, Any], sizes: dict[str, int], spec: OutputSpec) -> list[str]:
    """Reduce what is said of planes, channels and places to a part of the image; return what does not fit."""
    part = {axis: slice(spec.offset.get(axis, 0), spec.offset.get(axis, 0) + spec.sizes[axis]) for axis in spec.axes}
    leading = spec.axes[:-2]
    lost = []
    if "Labels" in kept:
        labels = np.array(kept["Labels"], object)
        fits = list(sizes) == list(spec.axes) and labels.size == math.prod(sizes[axis] for axis in leading)
        labels = labels.reshape([sizes[axis] for axis in leading]) if fits else labels
        kept["Labels"] = tuple(labels[tuple(part[axis] for axis in leading)].ravel()) if fits else ()
        lost += [] if fits else ["labels"]
    if "C" in part and isinstance(kept.get("LUTs"), tuple):
        kept["LUTs"] = kept["LUTs"][part["C"]]
    if "C" in part and "Ranges" in kept:
        kept["Ranges"] = kept["Ranges"][2 * part["C"].start : 2 * part["C"].stop]
    for axis in "XYZ":
        if f"{axis.lower()}origin" in kept:
            kept[f"{axis.lower()}origin"] -= spec.offset.get(axis, 0)
    if "Overlays" in kept or "ROI" in kept:
        lost.append("overlay")
    for key in ("Overlays", "ROI"):
        kept.pop(key, None)
    return lost
