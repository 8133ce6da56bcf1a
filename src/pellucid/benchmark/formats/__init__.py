"""A table in one of several formats: each is one file with one function from layouts to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pellucid.benchmark.formats.latex import latex
from pellucid.benchmark.formats.markdown import markdown
from pellucid.benchmark.formats.records import comma_separated
from pellucid.benchmark.formats.screen import show
from pellucid.benchmark.formats.webpage import html
from pellucid.benchmark.layout import Layout
from pellucid.errors import InputError
from pellucid.files import check_free, replacing

FORMATS: dict[str, Callable[[Sequence[Layout]], str]] = {
    ".md": markdown,
    ".tex": latex,
    ".html": html,
    ".csv": comma_separated,
}
"""By the extension of the file."""


def check_writable(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse files that could not be written, before anything is.

    Raises:
        InputError: an extension that is no format, or a file that exists.
    """
    for path in paths:
        if path.suffix.lower() not in FORMATS:
            raise InputError(f"{path}: a table can be written as {', '.join(FORMATS)}; choose one of these extensions")
        check_free(path, overwrite=overwrite)


def write_tables(layouts: Sequence[Layout], paths: Sequence[Path], *, overwrite: bool = False) -> None:
    """Write tables to files, each in the format of its extension.

    Raises:
        InputError: an extension that is no format, or a file that exists and `overwrite` is not set.
        RunError: the disk is full.
    """
    check_writable(paths, overwrite=overwrite)
    for path in paths:
        with replacing(path, overwrite=overwrite) as temporary:
            temporary.write_text(FORMATS[path.suffix.lower()](layouts), encoding="utf-8")


__all__ = ["FORMATS", "check_writable", "comma_separated", "html", "latex", "markdown", "show", "write_tables"]
