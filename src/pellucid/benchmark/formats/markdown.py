"""Tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pellucid.benchmark.layout import TableLayout
from pellucid.benchmark.table import Mark


def markdown(layouts: Sequence[TableLayout]) -> str:
    """Tables in GitHub's Markdown; best is **bold**, second best _italic_."""
    return "\n".join(_table(layout) for layout in layouts)


def _table(layout: TableLayout) -> str:
    marks = {Mark.NONE: "{}", Mark.BEST: "**{}**", Mark.SECOND: "_{}_"}
    grouped = len(layout.sections) > 1
    heads = ["group"] * grouped + [f"{column.over} {column.name}".strip() for column in layout.columns]
    rules = ["---"] * grouped + ["---" if column.is_text else "---:" for column in layout.columns]
    lines = [f"### {layout.title}", "", _piped(map(_text, heads)), _piped(rules)]
    for section in layout.sections:
        for row in section.rows:
            cells = [_text(section.title)] * grouped
            lines.append(_piped(cells + [marks[cell.mark].format(_text(cell.text)) for cell in row]))
    return "\n".join([*lines, "", *(f"{note}  " for note in layout.notes), ""])


def _piped(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    return re.sub(r"([\\|*_`<\[])", r"\\\1", text)
