"""Pictures and pages for people: contact sheets, error maps, loss curves, one self-contained HTML report.

Nothing here imports matplotlib, Pillow or Jinja2 before a picture is made.
"""

from pellucid.report.curves import curves_picture, curves_svg
from pellucid.report.display import display_range_of
from pellucid.report.page import Page, write_page
from pellucid.report.pictures import contact_sheet, difference_map, error_maps
from pellucid.report.shots import Comparison

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
