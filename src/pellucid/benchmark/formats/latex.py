"""Tables as LaTeX."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pellucid.benchmark.layout import Column, TableLayout, spans
from pellucid.benchmark.table import Mark


def latex(layouts: Sequence[TableLayout]) -> str:
    r"""`table*` environments that need only `\usepackage{booktabs}`; best is bold, second best underlined."""
    return "\n".join(_table(layout) for layout in layouts)


def _table(layout: TableLayout) -> str:
    marks = {Mark.NONE: "{}", Mark.BEST: r"\textbf{{{}}}", Mark.SECOND: r"\underline{{{}}}"}
    lines = [r"\begin{table*}", r"\centering", rf"\caption{{{_text(layout.title)}}}"]
    lines += [rf"\begin{{tabular}}{{{''.join('l' if c.is_text else 'r' for c in layout.columns)}}}", r"\toprule"]
    lines += _heads(layout.columns)
    for section in layout.sections:
        lines.append(r"\midrule")
        if section.title:
            lines.append(rf"\multicolumn{{{len(layout.columns)}}}{{l}}{{\emph{{{_text(section.title)}}}}} \\")
        for row in section.rows:
            lines.append(_ampersands(marks[cell.mark].format(_text(cell.text)) for cell in row))
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"\par\smallskip {{\footnotesize {_text(note)}}}" for note in layout.notes]
    return "\n".join([*lines, r"\end{table*}", ""])


def _heads(columns: Sequence[Column]) -> list[str]:
    cells, rules, start = [], [], 1
    for over, width in spans(columns):
        cells.append(rf"\multicolumn{{{width}}}{{c}}{{{_text(over)}}}")
        rules += [rf"\cmidrule(lr){{{start}-{start + width - 1}}}"] if over else []
        start += width
    names = _ampersands(_text(column.name) for column in columns)
    return [_ampersands(cells), " ".join(rules), names] if rules else [names]


def _ampersands(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"


_SIGNS = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "∞": r"$\infty$",
    "–": "--",
    "·": r"$\cdot$",
    "|": r"\textbar{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


def _text(text: str) -> str:
    return "".join(_SIGNS.get(sign, sign) for sign in text)
