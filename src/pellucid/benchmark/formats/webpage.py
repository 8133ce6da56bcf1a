"""Tables as HTML."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from pellucid.benchmark.layout import Column, TableCell, TableLayout, spans
from pellucid.benchmark.table import Mark


def html(layouts: Sequence[TableLayout]) -> str:
    """One self-contained page; best is bold, second best underlined."""
    title = escape(layouts[0].title)
    head = f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{_STYLE}</head>\n<body>'
    return "\n".join([head, *(_table(layout) for layout in layouts), "</body></html>", ""])


_STYLE = """<style>
body { font: 15px/1.45 system-ui, sans-serif; color: #1c1b19; background: #fff; margin: 2.5rem auto; padding: 0 1rem;
  max-width: max-content }
table { border-collapse: collapse; border-block: 2px solid; font-variant-numeric: tabular-nums; margin: 1rem 0 }
caption { text-align: left; font-weight: 600; font-size: 1.2em; padding-bottom: .6rem }
th, td { padding: .25rem .7rem; text-align: right; font-weight: 400; white-space: nowrap }
thead th { font-weight: 600 } th[colspan] { text-align: center }
th.text, td.text, tbody th[colspan] { text-align: left }
tbody { border-top: 1px solid #b9b5ad } tbody th[colspan] { font-style: italic; color: #6b6862 }
u { text-underline-offset: .2em } p { color: #6b6862; margin: .2rem 0; max-width: 60rem }
@media (prefers-color-scheme: dark) { body { color: #eceae6; background: #1a1917 } }
</style>"""


def _table(layout: TableLayout) -> str:
    lines = ["<table>", f"<caption>{escape(layout.title)}</caption>", "<thead>"]
    if any(column.over for column in layout.columns):
        lines.append(_line(_wide(over, count) for over, count in spans(layout.columns)))
    lines.append(_line(_cell("th", column, escape(column.name)) for column in layout.columns))
    lines.append("</thead>")
    for section in layout.sections:
        lines.append("<tbody>")
        if section.title:
            lines.append(_line([_wide(section.title, len(layout.columns))]))
        for row in section.rows:
            cells = zip(layout.columns, row, strict=True)
            lines.append(_line(_cell("td", column, _marked(cell)) for column, cell in cells))
        lines.append("</tbody>")
    return "\n".join([*lines, "</table>", *(f"<p>{escape(note)}</p>" for note in layout.notes)])


def _line(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _wide(text: str, columns: int) -> str:
    return f'<th colspan="{columns}">{escape(text)}</th>'


def _cell(tag: str, column: Column, content: str) -> str:
    return f'<{tag} class="text">{content}</{tag}>' if column.is_text else f"<{tag}>{content}</{tag}>"


def _marked(cell: TableCell) -> str:
    marks = {Mark.NONE: "{}", Mark.BEST: "<strong>{}</strong>", Mark.SECOND: "<u>{}</u>"}
    return marks[cell.mark].format(escape(cell.text))
