from __future__ import annotations

import xml.etree.ElementTree as ET

from matplotlib.figure import Figure

from pellucid.report.svg import INK, dress, inline_svg


def drawn():
    figure = Figure(figsize=(3, 2))
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=INK, label="line")
    axes.set_title("a < b & c", color=INK)
    dress(axes, INK, "size, pixels")
    return inline_svg(figure)


def test_a_drawing_is_one_element_in_the_colours_of_the_page():
    svg = drawn()
    root = ET.fromstring(svg.replace("xlink:href", "href"))  # namespaces are those of the page
    assert root.tag == "svg"
    assert root.get("viewBox")
    assert root.get("width") is root.get("height") is None  # the page decides
    assert "currentColor" in svg
    assert INK not in svg
    assert "http" not in svg
    assert "font-family" not in svg
    texts = "".join(root.itertext())
    assert "a < b & c" in texts
    assert "size, pixels" in texts


def test_equal_figures_give_equal_drawings():
    assert drawn() == drawn()
