"""How Sphinx makes the site from these pages: `make docs`."""

from __future__ import annotations

from pellucid.version import __version__

project = "Pellucid"
author = "The Pellucid authors"
copyright = "The Pellucid authors, Apache-2.0"  # noqa: A001
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.mathjax", "cyclopts.ext.sphinx"]
default_role = "code"  # docstrings put names between single backquotes

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # links to headings, as GitHub names them
myst_fence_as_directive = ["math"]  # the fence that GitHub shows as an equation

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

html_theme = "furo"
html_title = f"Pellucid {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False
