from __future__ import annotations

import json
import re
from xml.etree import ElementTree

import imageio.v3 as iio
import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.methods import METHODS, method_class
from pellucid.report.curves import (
    UNKNOWN,
    Curve,
    curves_picture,
    curves_svg,
    draw_curves,
    expectation,
    grouped,
    legend_in_words,
    read_curves,
    smoothed,
)

LOSSES = ("d_noisy", "d_clean", "boosting", "g_noisy", "g_clean")
PAPER = {
    "Adversarial": LOSSES,
    "Cycle and bypass": ("cycle", "bypass"),
    "Extractor": ("pseudo_noise", "noise_consistency"),
}


ALL = tuple(name for names in PAPER.values() for name in names)


def write_metrics(path, steps: int = 300):
    rng = np.random.default_rng(3)
    lines = [json.dumps({"step": s, **{name: rng.normal() for name in ALL}}) for s in range(1, steps + 1)]
    path.write_text("\n".join(lines) + "\n")
    return path


def curve(name: str, values=(1.0, 2.0)) -> Curve:
    return Curve(name, np.arange(len(values)), np.array(values))


def test_curves_read_back_in_order(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 2, "cycle": 0.5, "note": "text"}\n\n{"step": 1, "cycle": 1, "bypass": 3.0}\n')
    cycle, bypass = read_curves(path)
    assert (cycle.name, cycle.steps.tolist(), cycle.values.tolist()) == ("cycle", [1, 2], [1, 0.5])
    assert (bypass.name, bypass.steps.tolist(), bypass.values.tolist()) == ("bypass", [1], [3])


def test_a_step_run_again_after_a_resume_counts_as_written_last(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text(
        '{"step": 1, "cycle": 9}\n{"step": 2, "cycle": 9}\n{"step": 2, "cycle": 5}\n{"step": 3, "cycle": 4}'
    )
    (cycle,) = read_curves(path)
    assert (cycle.steps.tolist(), cycle.values.tolist()) == ([1, 2, 3], [9, 5, 4])


def test_a_last_line_cut_off_by_a_kill_is_left_out(tmp_path):
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"step": 1, "cycle": 9}\n{"step": 2, "cyc')
    assert read_curves(path)[0].steps.tolist() == [1]


@pytest.mark.parametrize("line", ["{broken", '{"cycle": 1}', "[1, 2]", '{"step": null}'])
def test_a_broken_line_in_the_middle_is_named(tmp_path, line):
    path = tmp_path / "metrics.jsonl"
    path.write_text(f'{{"step": 1, "cycle": 9}}\n{line}\n{{"step": 3, "cycle": 9}}\n')
    with pytest.raises(InputError, match=r"metrics\.jsonl, line 2"):
        read_curves(path)


def test_missing_and_empty_metrics_are_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.jsonl: cannot be read as metrics"):
        read_curves(tmp_path / "none.jsonl")
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(InputError, match=r"empty\.jsonl: holds no losses"):
        read_curves(tmp_path / "empty.jsonl")


def test_the_losses_of_the_paper_stand_in_three_panels():
    found = grouped([curve(name) for name in ("supervised", *ALL)])
    assert {title: tuple(each.name for each in members) for title, members in found.items()} == {
        **PAPER,
        "Losses": ("supervised",),
    }


def test_counts_and_logarithms_have_their_own_panels():
    found = grouped([curve(name) for name in ("measured", "error", "expected_error")])
    assert list(found) == ["Losses", "Expected error", "Measurement"]
    assert all(len(members) == 1 for members in found.values())
    assert all(expectation(name) != UNKNOWN for name in ("measured", "error", "expected_error"))


def test_smoothing_keeps_a_constant_and_steps_over_gaps():
    values = np.full(500, 3.0)
    values[100:103] = np.nan
    np.testing.assert_allclose(smoothed(values), 3.0)
    assert smoothed(np.random.default_rng(0).normal(size=5000)).std() < 0.15


def test_a_legend_says_in_words_what_each_loss_should_do():
    words = legend_in_words(ALL)
    assert [line.partition(" should ")[0] for line in words] == [
        "d noisy, d clean, boosting, g noisy, g clean",
        "cycle, bypass",
        "pseudo noise, noise consistency",
    ]
    assert [re.search(r"should (\w+)", line)[1] for line in words] == ["hover", "fall", "fall"]
    assert legend_in_words(["loss"]) == ["loss should fall to the level of the noise, not to 0"]
    drawn = {
        text.get_text().replace("\n", " ")
        for axes in draw_curves([curve(n) for n in ALL], "k").axes
        for text in axes.texts
    }
    assert drawn == set(words)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_s_losses_are_explained(method):
    assert all(expectation(name) != UNKNOWN for name in method_class(method).shown_losses)


@pytest.mark.parametrize("names", [("cycle",), ("cycle", "boosting"), ALL, ("a", "cycle", "gan", "pseudo")])
def test_every_curve_is_drawn_and_named(names):
    figure = draw_curves([curve(name) for name in names], ink="black")
    drawn = [text.get_text() for axes in figure.axes for text in axes.get_legend().get_texts()]
    assert sorted(drawn) == sorted(name.replace("_", " ") for name in names)


def test_values_that_are_not_finite_do_not_stop_the_drawing(tmp_path):
    values = np.where(np.arange(1000) % 7 == 0, np.nan, 1.0)
    values[3] = np.inf
    draw_curves([curve("cycle", values), curve("bypass", [np.nan] * 900)], ink="black").savefig(tmp_path / "a.png")
    assert iio.imread(tmp_path / "a.png").std() > 0


def test_an_early_spike_does_not_flatten_the_rest():
    axes = draw_curves([curve("cycle", [1e6, *np.linspace(1, 0.5, 999)])], ink="black").axes[0]
    assert axes.get_ylim()[1] < 2


def test_the_picture_is_written_whole(tmp_path):
    metrics = write_metrics(tmp_path / "metrics.jsonl")
    curves_picture(metrics, tmp_path / "curves.png")
    assert iio.imread(tmp_path / "curves.png").shape[:2] == (700, 960)
    with pytest.raises(InputError, match="exists already"):
        curves_picture(metrics, tmp_path / "curves.png")


def test_the_svg_takes_font_and_colour_from_its_page(tmp_path):
    svg = curves_svg(write_metrics(tmp_path / "metrics.jsonl", steps=6000))
    assert "http" not in svg
    assert "font-family" not in svg
    assert "<style" not in svg
    assert "currentColor" in svg
    assert "noise consistency" in svg
    assert len(svg) < 400_000
    # A browser reads it as part of a page; as XML it only lacks the declaration of one prefix.
    ElementTree.fromstring(re.sub("^<svg", '<svg xmlns:xlink="x"', svg))


def test_the_svg_is_the_same_every_time(tmp_path):
    metrics = write_metrics(tmp_path / "metrics.jsonl", steps=20)
    assert curves_svg(metrics) == curves_svg(metrics)
