"""Padding is found where it is, piece by piece as in the whole, and not where there is none."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from pellucid.data.padding import GAP, HALO, LENGTH, LINE, SIDE, Borders, is_padding, is_valid


def _tissue(shape=(150, 170), dtype="uint8", seed=0):
    return np.random.default_rng(seed).poisson(20, shape).astype(dtype)


def _plain(pixels):
    """The definition, area by area, row by row and gap by gap."""
    whole = pixels.shape[0]
    square, wide, tall = (np.zeros(pixels.shape, bool) for _ in range(3))
    _mark(pixels, square, [min(SIDE, size) for size in pixels.shape], whole)
    _mark(pixels, wide, (4, LENGTH), whole)
    _mark(pixels, tall, (LENGTH, 4), whole)
    for turns in range(4):
        top, marks = np.rot90(pixels, turns), np.rot90(tall if turns % 2 else wide, turns)
        for depth in range(1, min(SIDE, len(top)) + 1):
            _mark(top, marks, (depth, min(LENGTH, top.shape[1])), depth)
    found = square | wide | tall
    return found | _on_it(pixels, found, wide) | _on_it(pixels.T, found.T, tall.T).T


def _on_it(pixels, found, wide):
    text, bare, lines = (np.zeros(pixels.shape, bool) for _ in range(3))
    for ends, most in ((wide, GAP), (found, LINE)):
        for x in range(pixels.shape[1]):
            edges = np.flatnonzero(ends[:, x])
            for above, below in pairwise(edges):
                if below - above <= most + 1 and pixels[above, x] == pixels[below, x]:
                    between = slice(above + 1, below), x
                    (text if ends is wide else lines)[between] = True
                    if ends is wide:
                        bare[between] = pixels[between] == pixels[above, x]
    text, bare = text & ~found, bare & ~found
    for y, x in np.argwhere(text):
        around = slice(max(0, y - 8), y + 9), slice(max(0, x - 8), x + 9)
        lines[y, x] |= 4 * bare[around].sum() >= text[around].sum()
    return lines


def _mark(pixels, found, sides, rows):
    for y in range(rows - sides[0] + 1):
        for x in range(pixels.shape[1] - sides[1] + 1):
            at = slice(y, y + sides[0]), slice(x, x + sides[1])
            if np.isfinite(pixels[y, x]) and (pixels[at] == pixels[y, x]).all():
                found[at] = True


def _bar(pixels, height, ground, ink):
    """A bar below with strokes and a scale on it, which leave more than half of their surroundings bare."""
    bar = np.full((height, pixels.shape[1]), ground, pixels.dtype)
    bar[6:-6, 10:-40:4] = ink
    bar[-9:-6, -30:-10] = ink
    return np.concatenate([pixels, bar])


def _pasted(random, shape, dtype):
    """Noise with some constant rectangles, also over the border, and a few pixels that are not finite."""
    pixels = random.poisson(3, shape).astype(dtype)
    for _ in range(4):
        top, left = (random.integers(-10, size) for size in shape)
        pixels[max(0, top) : top + random.integers(11, 60), max(0, left) : left + random.integers(11, 90)] = 1
    if pixels.dtype.kind == "f":
        pixels[random.integers(shape[0]), random.integers(shape[1])] = np.nan
        pixels[:2, :3] = np.inf
    return pixels


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float16", "float32"])
def test_it_is_what_the_definition_says(dtype):
    random = np.random.default_rng(1)
    for number in range(6):
        pixels = _pasted(random, tuple(random.integers(5, 100, 2)), dtype)
        pixels = _bar(pixels, 25, 0, 9) if number % 2 else pixels
        np.testing.assert_array_equal(is_padding(pixels), _plain(pixels))


def test_pieces_give_what_the_whole_gives():
    random = np.random.default_rng(2)
    pixels = _bar(_pasted(random, (204, 260), "float32"), 36, 0, 9)
    pixels[:, :3], pixels[150:165, 100:] = 0, 7
    whole = is_valid(pixels)
    assert 0.2 < whole.mean() < 0.95
    side = 70
    for top in range(0, 240, side):
        for left in range(0, 260, side):
            core = np.s_[top : top + side, left : left + side]
            rows, columns = (
                slice(max(0, start - HALO), min(size, start + side + HALO))
                for start, size in zip((top, left), pixels.shape, strict=True)
            )
            found = is_valid(pixels[rows, columns], Borders.of(rows, columns, pixels.shape))
            inner = found[top - rows.start :, left - columns.start :][:side, :side]
            np.testing.assert_array_equal(inner, whole[core])


def test_tall_images_are_looked_at_strip_by_strip(monkeypatch):
    pixels = _pasted(np.random.default_rng(4), (300, 90), "float32")
    whole = is_valid(pixels)
    monkeypatch.setattr("pellucid.data.padding._STRIP", 140)
    np.testing.assert_array_equal(is_valid(pixels), whole)


def test_a_canvas_a_bar_a_thin_band_and_a_missing_chunk_are_found():
    pixels = _tissue()
    expected = np.zeros(pixels.shape, bool)
    expected[:30], expected[-12:], expected[:, :2], expected[60:80, 90:120] = True, True, True, True
    pixels[expected] = 0
    np.testing.assert_array_equal(is_padding(pixels), expected)


@pytest.mark.parametrize(("ground", "ink"), [(0, 255), (255, 0), (37, 250)])
@pytest.mark.parametrize("height", [18, 40])
def test_a_bar_is_padding_with_the_text_on_it(height, ground, ink):
    tissue = _tissue()
    found = is_padding(_bar(tissue, height, ground, ink))
    assert found[len(tissue) :].all()
    assert not found[: len(tissue)].any()


def test_saturated_bands_are_found_wherever_they_lie_and_tissue_between_them_is_none():
    pixels = _tissue()
    expected = np.zeros(pixels.shape, bool)
    expected[40:45, 20:130] = expected[60:66] = expected[10:100, 150:154] = True
    pixels[expected] = 255
    np.testing.assert_array_equal(is_padding(pixels), expected)


def test_a_slanting_edge_is_followed():
    pixels = _tissue((120, 120))
    y, x = np.mgrid[:120, :120]
    canvas = x + 2 * y < 100
    pixels[canvas] = 0
    found = is_padding(pixels)
    assert not found[~canvas].any()
    assert found[canvas].mean() > 0.97  # less the acute tip


@pytest.mark.parametrize("image", [np.full((7, 9), 3, np.uint8), np.full((200, 100), -1.5, np.float32)])
def test_an_image_of_one_value_is_padding_as_a_whole(image):
    assert is_padding(image).all()


def test_what_is_not_finite_is_neither_valid_nor_padding():
    pixels = _tissue(dtype="float32")
    pixels[:40], pixels[90, 90] = np.nan, np.inf
    assert not is_padding(pixels).any()
    np.testing.assert_array_equal(is_valid(pixels), np.isfinite(pixels))


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(0).poisson(0.1, (512, 512)).astype(np.uint8),  # nine of ten pixels are 0
        np.random.default_rng(0).normal(20, 20, (512, 512)).clip(0, 255).round().astype(np.uint8),  # 16 % are 0
        np.random.default_rng(0).normal(255, 20, (512, 512)).clip(0, 255).round().astype(np.uint8),  # half are 255
    ],
    ids=["low dose", "clipped at black", "clipped at white"],
)
def test_noise_is_no_padding(image):
    assert is_padding(image).mean() < 1e-4
