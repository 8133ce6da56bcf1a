"""How Sphinx makes the site from these pages: `make docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from docutils.nodes import SkipNode
from latex2mathml.converter import convert

from pellucid.cli import root as command_line
from pellucid.version import __version__

if TYPE_CHECKING:
    from docutils.nodes import math, math_block
    from sphinx.application import Sphinx
    from sphinx.writers.html5 import HTML5Translator

project = "Pellucid"
author = "The Pellucid authors"
copyright = "The Pellucid authors, Apache-2.0"  # noqa: A001
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
smartquotes = False  # two minus signs are two minus signs
default_role = "code"  # docstrings put names between single backquotes

myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4  # links to headings, as GitHub names them
myst_fence_as_directive = ["math"]  # the fence that GitHub shows as an equation

autodoc_member_order = "bysource"
autodoc_preserve_defaults = True

html_math_renderer = "mathml"
html_theme = "furo"
html_title = f"Pellucid {__version__}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_show_sphinx = False
html_copy_source = False

COMMANDS = "<!-- the commands: put here when the site is made -->"


def _put_commands(_app: Sphinx, _page: str, source: list[str]) -> None:
    """Put what `--help` says of every command into the page that has the place for it."""
    if COMMANDS in source[0]:
        text = command_line.generate_docs(heading_level=2, flatten_commands=True)
        source[0] = source[0].replace(COMMANDS, text.partition("**Commands**:")[2].lstrip())


def _write_inline(page: HTML5Translator, node: math) -> None:
    page.body.append(convert(node.astext()))
    raise SkipNode


def _write_block(page: HTML5Translator, node: math_block) -> None:
    page.body.append(f'<div class="equation">{convert(node.astext(), display="block")}</div>\n')
    raise SkipNode


def setup(app: Sphinx) -> None:
    """Enter what is no option."""
    app.connect("source-read", _put_commands)
    # Equations that a browser draws by itself, without a script from elsewhere.
    app.add_html_math_renderer("mathml", (_write_inline, None), (_write_block, None))
