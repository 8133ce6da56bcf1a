"""The figure of `docs/which_method.md` and the README: the list of `pellucid methods` as questions from the top.

python tools/method_figure.py docs/images/which_method.svg
"""

from __future__ import annotations

import argparse
from html import escape
from pathlib import Path

from pellucid.cli.recipes import BOXED, DEFAULT, RECOMMENDED, Recommendation

WIDTH, ROW, MARGIN = 800, 62, 16
QUESTION, ANSWER, TALL = 270, 430, 44
"""Widths of the boxes, and their height."""
ALSO = {DEFAULT: " (of the paper: proposed)", BOXED: " (the model in the box)"}

STYLE = """
  .ground { fill: #fbfaf7; stroke: #8a8680; }
  .question { fill: #ffffff; stroke: #6b6862; }
  .answer { fill: #e3edf7; stroke: #3f7fc4; }
  .common { fill: #cfe3f5; stroke: #2a5f9e; stroke-width: 2; }
  .way { stroke: #6b6862; stroke-width: 1.5; fill: none; marker-end: url(#tip); }
  .tip { fill: #6b6862; }
  text { font: 15px system-ui, "DejaVu Sans", sans-serif; fill: #1c1b19; }
  .word { font-size: 13px; fill: #4a4742; }
  .name { font-weight: bold; }
  .call { font: 12.5px ui-monospace, "DejaVu Sans Mono", monospace; fill: #3b3936; }
"""
"""The figure has a ground of its own, so that it is legible on light and on dark pages."""


def main() -> None:
    """Write the figure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("figure", type=Path)
    parser.parse_args().figure.write_text(draw(), encoding="utf-8")


def draw() -> str:
    """The figure as SVG."""
    height = 2 * MARGIN + ROW * len(RECOMMENDED) - (ROW - TALL)
    rows = "\n".join(_row(number, each) for number, each in enumerate(RECOMMENDED))
    title = "Which method for me: take the first that fits. " + "; ".join(
        f"{each.have}: {each.take}" for each in RECOMMENDED
    )
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" role="img">
<title>{escape(title)}</title>
<style>{STYLE}</style>
<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto"><path class="tip" d="M0 0 8 4 0 8z"/></marker></defs>
<rect class="ground" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>
{rows}
</svg>
"""  # noqa: E501


def _row(number: int, each: Recommendation) -> str:
    """One question, its yes to the right, and its no to the next one below."""
    top = MARGIN + number * ROW
    middle, right = top + TALL // 2, WIDTH - MARGIN - ANSWER
    last = number == len(RECOMMENDED) - 1
    parts = [
        _box("question", MARGIN, top, QUESTION),
        _text(MARGIN + QUESTION // 2, middle + 5, each.have + ("" if last else "?")),
        f'<path class="way" d="M{MARGIN + QUESTION} {middle}H{right}"/>',
        _box("common" if each.take == DEFAULT else "answer", right, top, ANSWER),
        f'<text x="{right + 14}" y="{top + 19}"><tspan class="name">{escape(each.take)}</tspan>'
        f'<tspan class="word">{escape(ALSO.get(each.take, ""))}</tspan></text>',
        f'<text class="call" x="{right + 14}" y="{top + 37}">{escape(_call(each))}</text>',
    ]
    if not last:
        parts.append(_text((MARGIN + QUESTION + right) // 2, middle - 6, "yes", "word"))
        parts.append(f'<path class="way" d="M{MARGIN + QUESTION // 2} {top + TALL}V{top + ROW}"/>')
        parts.append(f'<text class="word" x="{MARGIN + QUESTION // 2 + 8}" y="{top + TALL + 13}">no</text>')
    return "\n".join(parts)


def _call(each: Recommendation) -> str:
    """The command with the recipe, which need not be named where it is taken anyway."""
    command, _, options = each.command.partition(" ")
    recipe = "" if each.take in (DEFAULT, BOXED) else f"--recipe {each.take}"
    return " ".join(filter(None, ("pellucid", command, recipe, options)))


def _box(kind: str, left: int, top: int, width: int) -> str:
    return f'<rect class="{kind}" x="{left}" y="{top}" width="{width}" height="{TALL}" rx="6"/>'


def _text(middle: int, base: int, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{middle}" y="{base}" text-anchor="middle">{escape(text)}</text>'


if __name__ == "__main__":
    main()
