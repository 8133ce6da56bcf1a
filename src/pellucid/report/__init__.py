"""Pictures and pages for people: contact sheets, error maps, loss curves, one self-contained HTML report.

Names are resolved on first use, so that whoever only prints (`terminal`) needs no numpy, and nothing here imports
matplotlib, Pillow or Jinja2 before a picture is made.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pellucid.report.colormap import display_range_of
    from pellucid.report.comparison import Comparison
    from pellucid.report.curves import curves_picture, curves_svg
    from pellucid.report.page import Page, write_page
    from pellucid.report.pictures import contact_sheet, difference_map, error_maps

_HOME = {
    "Comparison": "comparison",
    "Page": "page",
    "contact_sheet": "pictures",
    "curves_picture": "curves",
    "curves_svg": "curves",
    "difference_map": "pictures",
    "display_range_of": "colormap",
    "error_maps": "pictures",
    "write_page": "page",
}

__all__ = [
    "Comparison",
    "Page",
    "contact_sheet",
    "curves_picture",
    "curves_svg",
    "difference_map",
    "display_range_of",
    "error_maps",
    "write_page",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
