"""Which blocks of an image look alike: for each reference block the nearest ones around it.

Reference blocks lie on a grid. Those of a cell, 8×8 of them, share nearly all their candidates, so the distances of a
cell are one product of matrices, |a − b|² = |a|² + |b|² − 2a·b, and each reference's window of candidates is a view of
it. Blocks are compared in whole numbers, which float32 holds exactly: distances depend neither on the order of the
sums nor on where a tile begins, and the same blocks are found in a tile and in the whole image.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

BLOCK = 8
"""Side of a block."""
STEP = 3
"""From one reference block to the next."""
RADIUS = 19
"""How far away candidates may be."""
WINDOW = 2 * RADIUS + 1
CELL = 8
"""References along a side of a cell."""
SPAN = (CELL - 1) * STEP + WINDOW
"""Candidates along a side of a cell."""
LEVELS = 255
"""Whole numbers stand for half grey levels: of −1 to 1 there are −255 to 255, and |a − b|² of blocks is below 2²⁴."""


class Groups(NamedTuple):
    """What was found for n references.

    Attributes:
        place: (n, k) places of the blocks in what was searched, row by row, the nearest first; the first is the
            reference itself.
        distance: (n, k) mean squared differences, in grey levels of 255; infinite where no block is left.
    """

    place: Tensor
    distance: Tensor


def blocks(image: Tensor) -> Tensor:
    """Every block of an image (H, W), as vectors: (H − 7, W − 7, 64)."""
    return image.unfold(0, BLOCK, 1).unfold(1, BLOCK, 1).flatten(-2)


def whole_numbers(values: Tensor) -> Tensor:
    """Grey levels, or coefficients of them, in halves."""
    return (values * LEVELS).round_()


def match(candidates: Tensor, valid: Tensor, references: tuple[int, int], count: int) -> Groups:
    """The `count` candidates nearest to each reference.

    Args:
        candidates: (rows, columns, 64) in whole numbers, as many as whole cells see; the reference (i, j) is the
            candidate (RADIUS + STEP·i, RADIUS + STEP·j).
        valid: (rows, columns), whether there is such a block.
        references: rows and columns of references that are asked for; at most those of the cells.
        count: of blocks to find.
    """
    norms = candidates.square().sum(-1).masked_fill_(~valid, torch.inf)
    found = []
    for first in range(0, references[0], CELL):
        top = first * STEP
        here = slice(top, top + SPAN)
        wanted = (min(CELL, references[0] - first), references[1])
        groups = _match_row(candidates[here], norms[here], wanted, count)
        found.append(Groups(groups.place + top * candidates.shape[1], groups.distance))
    return Groups(*(torch.cat(values) for values in zip(*found, strict=True)))


def _match_row(candidates: Tensor, norms: Tensor, references: tuple[int, int], count: int) -> Groups:
    """The groups of one row of cells, from the candidates (SPAN, columns, 64) and the squares of their norms."""
    columns = candidates.shape[1]
    near = candidates[RADIUS::STEP, RADIUS::STEP][:CELL]
    cells = (columns - SPAN) // (CELL * STEP) + 1
    near = near[:, : cells * CELL].reshape(CELL, cells, CELL, -1).transpose(0, 1).flatten(1, 2)
    around = candidates.unfold(1, SPAN, CELL * STEP).permute(1, 0, 3, 2).flatten(1, 2)
    norms_around = norms.unfold(1, SPAN, CELL * STEP).transpose(0, 1).flatten(1)
    distances = torch.baddbmm(norms_around[:, None], near, around.transpose(1, 2), alpha=-2)
    windows = _windows(distances, references)
    windows[:, WINDOW * RADIUS + RADIUS] = -torch.inf  # before any other that is equal
    nearest = windows.topk(count, largest=False)
    i, j = (torch.arange(number, device=candidates.device) * STEP for number in references)
    corner = (i[:, None] * columns + j).reshape(-1, 1)
    index = corner + nearest.indices // WINDOW * columns + nearest.indices % WINDOW
    own = norms[RADIUS::STEP, RADIUS::STEP][: references[0], : references[1]].reshape(-1, 1)
    return Groups(index, (nearest.values + own).clamp_(min=0) / (4 * BLOCK**2))


def _windows(distances: Tensor, references: tuple[int, int]) -> Tensor:
    """The distances around each reference, (references, WINDOW²), out of all: (cells, CELL², SPAN²)."""
    cells = len(distances)
    row, one = CELL * SPAN**2, SPAN**2
    windows = distances.as_strided(
        (CELL, cells, CELL, WINDOW, WINDOW), (row + STEP * SPAN, CELL * row, one + STEP, SPAN, 1)
    )
    wanted = windows.reshape(CELL, cells * CELL, WINDOW**2)[: references[0], : references[1]]
    return wanted.reshape(-1, WINDOW**2)
