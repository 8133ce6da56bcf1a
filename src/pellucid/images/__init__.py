"""Images: files to arrays and back, intensity ranges, and what a source of images holds.

A *source* is a file, a folder, a glob or a list; an *image* is one file, opened lazily; a *plane* is one (Y, X)
page of it.

Names are resolved on first use, so that importing this package loads no file format.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.images.comparison import compare
    from pellucid.images.conversion import ClipReport, Conversion
    from pellucid.images.findings import Finding, check_source
    from pellucid.images.holding import hold
    from pellucid.images.image import Image, Plane, check_finite
    from pellucid.images.intensity import Intensity
    from pellucid.images.inventory import Inventory, inspect_source
    from pellucid.images.looks import Looks, look, look_closely
    from pellucid.images.pixel_size import PixelSize
    from pellucid.images.pyramid import downsample
    from pellucid.images.region import parse_region
    from pellucid.images.registry import open_image
    from pellucid.images.source import Source, open_source, open_usable
    from pellucid.images.training_comparison import compare_with_training
    from pellucid.images.writing import Writer, create_image, write_array

_HOME = {
    "ClipReport": "conversion",
    "Conversion": "conversion",
    "Finding": "findings",
    "Image": "image",
    "Intensity": "intensity",
    "Inventory": "inventory",
    "Looks": "looks",
    "PixelSize": "pixel_size",
    "Plane": "image",
    "Source": "source",
    "Writer": "writing",
    "check_finite": "image",
    "check_source": "findings",
    "compare": "comparison",
    "create_image": "writing",
    "downsample": "pyramid",
    "hold": "holding",
    "inspect_source": "inventory",
    "look": "looks",
    "look_closely": "looks",
    "open_image": "registry",
    "open_source": "source",
    "open_usable": "source",
    "parse_region": "region",
    "compare_with_training": "training_comparison",
    "write_array": "writing",
}

__all__ = [
    "ClipReport",
    "Conversion",
    "Finding",
    "Image",
    "Intensity",
    "Inventory",
    "Looks",
    "PixelSize",
    "Plane",
    "Source",
    "Writer",
    "check_finite",
    "check_source",
    "compare",
    "compare_with_training",
    "create_image",
    "downsample",
    "hold",
    "inspect_source",
    "look",
    "look_closely",
    "open_image",
    "open_source",
    "open_usable",
    "parse_region",
    "write_array",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value
