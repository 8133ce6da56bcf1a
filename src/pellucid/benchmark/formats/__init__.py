"""File formats of tables: each module has one function, from layouts to text."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pellucid.benchmark.formats.latex import latex
from pellucid.benchmark.formats.markdown import markdown
from pellucid.benchmark.formats.records import comma_separated
from pellucid.benchmark.formats.webpage import html
from pellucid.benchmark.layout import TableLayout
from pellucid.errors import InputError
from pellucid.files import check_free, replacing

FORMATS: dict[str, Callable[[Sequence[TableLayout]], str]] = {
    ".md": markdown,
    ".tex": latex,
    ".html": html,
    ".csv": comma_separated,
}
"""By file extension."""


def check_writable(paths: Sequence[Path], *, overwrite: bool) -> None:
    """Refuse files that cannot be written, before anything is computed.

    Raises:
        InputError: an unknown extension, or an existing file.
    """
    for path in paths:
        if path.suffix.lower() not in FORMATS:
            raise InputError(f"{path}: tables are written as {', '.join(FORMATS)}; give one of these extensions")
        check_free(path, overwrite=overwrite)


def write_tables(layouts: Sequence[TableLayout], paths: Sequence[Path], *, overwrite: bool = False) -> None:
    """Write tables to files, each in the format of its extension.

    Raises:
        InputError: an unknown extension, or an existing file without `overwrite`.
        RunError: the disk is full.
    """
    check_writable(paths, overwrite=overwrite)
    for path in paths:
        with replacing(path, overwrite=overwrite) as temporary:
            temporary.write_text(FORMATS[path.suffix.lower()](layouts), encoding="utf-8")
