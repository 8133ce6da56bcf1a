from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

from pellucid.cli.recipes import RECOMMENDED

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))  # programs, not a package

import method_figure  # noqa: E402


def test_the_figure_that_is_committed_is_the_one_that_the_list_gives():
    committed = (ROOT / "docs" / "images" / "which_method.svg").read_text(encoding="utf-8")
    assert committed == method_figure.draw()


def test_every_question_and_every_answer_is_drawn_inside_the_figure():
    svg = ElementTree.fromstring(method_figure.draw())
    texts = {"".join(text.itertext()) for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    for each in RECOMMENDED:
        assert any(text.startswith(each.have) for text in texts)
        assert any(text.startswith(each.take) for text in texts)
    calls = [text for text in texts if text.startswith("pellucid ")]
    assert max(map(len, calls)) * 7.6 < method_figure.ANSWER - 28  # the width of a letter, and the room on both sides
