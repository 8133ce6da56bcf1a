"""What a file says of its image, in words."""

from __future__ import annotations

from pellucid.app.roots import Roots
from pellucid.io.image import Image
from pellucid.io.registry import contents, format_of, open_image, split

_AXES = {"T": "times", "C": "channels", "Z": "sections", "Y": "rows", "X": "columns"}


def facts_of(image: Image) -> dict[str, str]:
    """Size, type, pixel size, planes and format of an image, in words."""
    height, width = image.plane_shape
    known = format_of(split(image.path)[0])
    told = {
        "size": f"{width} × {height} pixels",
        "pixel type": image.dtype.name,
        "format": image.read_as or (known.name if known else ""),
        "pixel size": str(image.pixel_size) if image.pixel_size else "not stated in the file",
    }
    if len(image.shape) > 2:
        leading = zip(image.axes[:-2], image.shape[:-2], strict=True)
        told["planes"] = ", ".join(f"{size} {_AXES[axis]} ({axis})" for axis, size in leading)
    if image.data_bar:
        told["data bar"] = f"the lowest {image.data_bar} rows"
    return told


def open_in(roots: Roots, spec: str) -> Image:
    """Open an image that may be shown, without reading its pixels.

    Raises:
        InputError: it lies outside, or cannot be read.
    """
    return open_image(roots.image(spec))


def series_of(roots: Roots, spec: str) -> list[str]:
    """The images in a file that holds several, a line each, beginning with what opens it; else none."""
    listed = contents(roots.image(spec))
    return listed if len(listed) > 1 else []
