from __future__ import annotations

import pytest
import torch

from pellucid.methods.blindspot import (
    along_rows,
    around,
    box_side,
    cross,
    grid_mask,
    masked_mse,
    random_neighbour,
    stratified_mask,
)


def test_about_eight_pixels_of_a_64_patch_are_masked_at_the_published_share():
    mask = stratified_mask(torch.zeros(4000, 1, 64, 64), 0.198)
    assert (mask.dtype, mask.shape) == (torch.bool, (4000, 1, 64, 64))
    counts = mask.sum((1, 2, 3)).double()
    assert box_side(0.198) == 22
    assert abs(float(counts.mean()) - 64**2 / 22**2) < 0.1  # 8.46
    assert counts.min() >= 4  # boxes that lie inside the patch always give one
    assert counts.max() <= 9


def test_every_box_has_one_masked_pixel_and_every_place_its_turn():
    mask = stratified_mask(torch.zeros(3000, 1, 20, 30), 1.0)
    boxes = mask.reshape(3000, 2, 10, 3, 10).sum((2, 4))
    assert torch.equal(boxes, torch.ones_like(boxes))
    assert mask.any(0).all()  # each place is expected 30 times


@pytest.mark.parametrize(("height", "width"), [(33, 47), (16, 90)])
def test_the_share_of_masked_pixels_holds_for_any_size(height, width):
    mask = stratified_mask(torch.zeros(4000, 1, height, width), 2.0)
    assert float(mask.float().mean()) == pytest.approx(1 / box_side(2.0) ** 2, rel=0.02)


@pytest.mark.parametrize(("centre", "missing"), [(False, 1), (True, 0)])
def test_a_masked_pixel_becomes_each_of_its_neighbours_equally_often(centre, missing):
    count, side, radius = 40_000, 7, 2
    x = torch.arange(side * side, dtype=torch.float32).reshape(1, 1, side, side).repeat(count, 1, 1, 1)
    mask = torch.zeros(count, 1, side, side, dtype=torch.bool)
    mask[:, :, 1, 5] = True  # near two borders: rows 0 to 3, columns 3 to 6
    result = random_neighbour(x, mask, radius, centre=centre)
    assert torch.equal(result[~mask], x[~mask])
    values, counts = result[mask].unique(return_counts=True)
    window = {row * side + column for row in range(4) for column in range(3, 7)}
    assert set(values.int().tolist()) == (window if centre else window - {side + 5})
    expected = count / (16 - missing)
    assert (counts - expected).abs().max() < 5 * expected**0.5


def test_replacing_leaves_its_input_alone_and_keeps_images_apart():
    x = torch.tensor([1.0, 2.0])[:, None, None, None].repeat(1, 1, 8, 8)
    mask = torch.ones(2, 1, 8, 8, dtype=torch.bool)
    assert torch.equal(random_neighbour(x, mask, 3), x)


def test_streaks_reach_their_span_along_rows_and_the_cross_along_both():
    mask = torch.zeros(1, 1, 7, 9, dtype=torch.bool)
    mask[0, 0, 3, 1] = True
    row, both = along_rows(mask, 2)[0, 0], cross(mask, 2)[0, 0]
    assert row.nonzero().tolist() == [[3, 0], [3, 1], [3, 2], [3, 3]]
    assert both.nonzero().tolist() == [[1, 1], [2, 1], *row.nonzero().tolist(), [4, 1], [5, 1]]
    assert torch.equal(along_rows(mask, 0), mask)
    assert torch.equal(cross(mask, 0), mask)


@pytest.mark.parametrize("period", [2, 3, 4])
def test_the_phases_of_a_grid_share_out_all_pixels(period):
    x = torch.zeros(2, 1, 13, 10)
    total = sum(grid_mask(x, period, phase).int() for phase in range(period**2))
    assert torch.equal(total, torch.ones(1, 1, 13, 10, dtype=torch.int32))
    assert torch.equal(grid_mask(x, period, period**2), grid_mask(x, period, 0))
    assert grid_mask(x, period, 1)[0, 0].nonzero()[0].tolist() == [0, 1]


def test_the_mean_around_a_pixel_weighs_edges_twice_and_knows_no_dark_border():
    x = torch.rand(2, 1, 6, 5, dtype=torch.float64)
    p = x[1, 0, 1:4, 2:5]
    corners = p[0, 0] + p[0, 2] + p[2, 0] + p[2, 2]
    edges = p[0, 1] + p[1, 0] + p[1, 2] + p[2, 1]
    torch.testing.assert_close(around(x)[1, 0, 2, 3], (corners / 2 + edges) / 6)
    torch.testing.assert_close(around(torch.full((1, 1, 4, 4), 0.7)), torch.full((1, 1, 4, 4), 0.7))


def test_a_loss_without_masked_pixels_is_0():
    x = torch.rand(1, 1, 4, 4)
    assert masked_mse(x, x + 1, torch.zeros_like(x, dtype=torch.bool)) == 0
