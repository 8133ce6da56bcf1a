from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest

from pellucid.app.chart import HEIGHT, WIDTH, Line, chart, legend, ticks


def drawn(lines):
    return ElementTree.fromstring(chart(lines, "step", "a chart"))


def test_curves_lie_within_the_chart_and_in_order():
    points = [(float(x), float(x * x)) for x in range(30)]
    svg = drawn([Line("a", points, [(x, y - 1, y + 1) for x, y in points])])
    (curve,) = svg.iter("polyline")
    places = [tuple(map(float, pair.split(","))) for pair in curve.get("points").split()]
    assert len(places) == len(points)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert [x for x, _ in places] == sorted(x for x, _ in places)
    assert [y for _, y in places] == sorted((y for _, y in places), reverse=True)  # greater is higher
    assert len(list(svg.iter("polygon"))) == 1


def test_one_point_is_a_dot():
    assert len(list(drawn([Line("a", [(1.0, 2.0)])]).iter("circle"))) == 1
    assert len(list(drawn([Line("a", [(1.0, 2.0), (2.0, 3.0)], marks=[(2.0, 3.0)])]).iter("circle"))) == 1


def test_first_steps_that_are_far_off_do_not_flatten_the_rest():
    points = [(0.0, 1e6), *((float(x), x / 1000) for x in range(1, 500))]
    (curve,) = drawn([Line("a", points)]).iter("polyline")
    heights = [float(pair.split(",")[1]) for pair in curve.get("points").split()][1:]
    assert max(heights) - min(heights) > HEIGHT / 2


@pytest.mark.parametrize("points", [[], [(1.0, 0.0)], [(1.0, 5.0), (2.0, 5.0)]])
def test_flat_and_empty_curves_are_drawn(points):
    drawn([Line("a", points)])


def test_names_cannot_become_elements():
    lines = [Line('<script>"', [(1.0, 1.0)])]
    assert "<script" not in legend(lines) + chart(lines, "<b>", '"><script>')


def test_ticks_are_round_and_inside():
    assert ticks(0, 10, 5) == [0, 2, 4, 6, 8, 10]
    assert ticks(18.2, 20.1, 4) == [18.5, 19.0, 19.5, 20.0]
    assert ticks(1, 1, 4) == ticks(float("nan"), 1, 4) == []


def test_text_has_the_colour_of_the_page():
    assert not re.search(r"<text[^>]*fill=", chart([Line("a", [(0.0, 0.0), (1.0, 1.0)])], "step", "a"))
