"""Tables in a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pellucid.benchmark.layout import TableLayout
from pellucid.benchmark.table import Mark

SIGNS = {Mark.NONE: "", Mark.BEST: " ★", Mark.SECOND: " ☆"}
"""Signs after a value, because bold and underlined are lost in a file."""

_STYLES = {Mark.NONE: "", Mark.BEST: "bold", Mark.SECOND: "underline"}


def show(layout: TableLayout, console: Console) -> None:
    """Print a table; the best value has ★ and is bold, the second best has ☆ and is underlined."""
    drawn = Table()
    grouped, over = any(column.over for column in layout.columns), ""
    for column in layout.columns:
        head = f"{column.over if column.over != over else ''}\n{column.name}" if grouped else column.name
        drawn.add_column(Text(head), justify="left" if column.is_text else "right", overflow="fold")
        over = column.over
    for section in layout.sections:
        if section.title and len(layout.sections) > 1:
            drawn.add_row(Text(section.title, style="italic"))
        for row in section.rows:
            drawn.add_row(*(Text(cell.text + SIGNS[cell.mark], style=_STYLES[cell.mark]) for cell in row))
        drawn.add_section()
    console.print(Text(layout.title, style="bold"), soft_wrap=True)
    console.print(drawn)
    for note in layout.notes:
        console.print(Text(note, style="dim"), soft_wrap=True)
