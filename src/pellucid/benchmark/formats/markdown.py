"""Tables as Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from pellucid.benchmark.layout import Layout
from pellucid.benchmark.table import Mark


def markdown(layouts: Sequence[Layout]) -> str:
    """Tables as GitHub reads them; best is **bold**, second best is _italic_."""
    return "\n".join(_table(layout) for layout in layouts)


def _table(layout: Layout) -> str:
    marks = {Mark.NONE: "{}", Mark.BEST: "**{}**", Mark.SECOND: "_{}_"}
    grouped = len(layout.sections) > 1
    heads = ["group"] * grouped + [f"{column.over} {column.name}".strip() for column in layout.columns]
    rules = ["---"] * grouped + ["---" if column.is_text else "---:" for column in layout.columns]
    lines = [f"### {layout.title}", "", _piped(map(_text, heads)), _piped(rules)]
    for section in layout.sections:
        for row in section.rows:
            cells = [_text(section.title)] * grouped
            lines.append(_piped(cells + [marks[entry.mark].format(_text(entry.text)) for entry in row]))
    return "\n".join([*lines, "", *(f"{note}  " for note in layout.notes), ""])


def _piped(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: str) -> str:
    return re.sub(r"([\\|*_`<\[])", r"\\\1", text)
