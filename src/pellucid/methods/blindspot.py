"""Blind spots: pixels that a network must guess because they are hidden from its input.

Masks are boolean, (N, 1, H, W) or (1, 1, H, W), true where a pixel is hidden and enters the loss.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import conv2d, max_pool2d, pad

from pellucid import process_group
from pellucid.seeding import generator


def box_side(percent: float) -> int:
    """Side of the square boxes in which one pixel each makes up this share of all pixels."""
    return max(1, round(math.sqrt(100 / percent)))


def stratified_mask(x: Tensor, percent: float) -> Tensor:
    """One pixel, anywhere, in each box of a grid over each image (Krull et al. 2019).

    The grid may stick out of the image at the bottom and the right, and so may its pixels: on average `percent` of
    an image's pixels are true, whatever its size.
    """
    side, (count, _, height, width) = box_side(percent), x.shape
    rows, columns = math.ceil(height / side), math.ceil(width / side)
    inside = torch.randint(side * side, (count, rows, columns), device=x.device, generator=generator(x.device))
    boxes = torch.zeros(count, rows, columns, side * side, dtype=torch.bool, device=x.device)
    boxes.scatter_(3, inside[..., None], True)
    grid = boxes.reshape(count, rows, columns, side, side).transpose(2, 3)
    return grid.reshape(count, 1, rows * side, columns * side)[:, :, :height, :width]


def random_neighbour(x: Tensor, mask: Tensor, radius: int, *, centre: bool = False) -> Tensor:
    """Replace each masked pixel by one in the (2·radius + 1)² window around it, cut off at the border.

    Args:
        x: (N, C, H, W).
        mask: (N, 1, H, W).
        radius: of the window.
        centre: whether the pixel may keep its own value, as published.
    """
    image, _, row, column = mask.nonzero(as_tuple=True)
    top, left = (row - radius).clamp(min=0), (column - radius).clamp(min=0)
    rows = (row + radius).clamp(max=x.shape[2] - 1) - top + 1
    columns = (column + radius).clamp(max=x.shape[3] - 1) - left + 1
    choices = rows * columns if centre else rows * columns - 1
    chosen = (
        (torch.rand(len(image), device=x.device, generator=generator(x.device)) * choices).long().minimum(choices - 1)
    )
    if not centre:  # number the window's pixels without the middle one
        chosen = chosen + (chosen >= (row - top) * columns + (column - left))
    result = x.clone()
    result[image, :, row, column] = x[image, :, top + chosen // columns, left + chosen % columns]
    return result


def along_rows(mask: Tensor, span: int) -> Tensor:
    """The mask and `span` pixels to the left and the right of it (Broaddus et al. 2020)."""
    return max_pool2d(mask.float(), (1, 2 * span + 1), stride=1, padding=(0, span)) > 0


def cross(mask: Tensor, span: int) -> Tensor:
    """The mask and `span` pixels on all four sides of it."""
    return along_rows(mask, span) | along_rows(mask.mT, span).mT


def grid_mask(x: Tensor, period: int, phase: int) -> Tensor:
    """Every `period`-th pixel of every `period`-th row; phases 0 to period² − 1 together cover all pixels."""
    row, column = divmod(phase % period**2, period)
    mask = torch.zeros(1, 1, *x.shape[2:], dtype=torch.bool, device=x.device)
    mask[:, :, row::period, column::period] = True
    return mask


def around(x: Tensor) -> Tensor:
    """The mean of the eight neighbours of each pixel of (N, 1, H, W), those at the corners with half the weight."""
    weights = x.new_tensor([[0.5, 1, 0.5], [1, 0, 1], [0.5, 1, 0.5]]) / 6
    return conv2d(pad(x, (1, 1, 1, 1), mode="reflect"), weights[None, None])


def masked_mse(output: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean squared error over the masked pixels alone; 0 if there are none."""
    return ((output - target).square() * mask).sum() / process_group.mean(mask.sum()).clamp(min=1)
