"""Collaborative filtering: similar blocks are transformed together, shrunk, and put back with weights.

The two stages of BM3D (Dabov, Foi, Katkovnik & Egiazarian, IEEE TIP 16(8), 2007) for one image. Blocks are 8×8 and
references 3 apart at every noise level, where the paper has larger blocks, farther apart, for strong noise; thresholds,
sizes of groups and the comparison by cosine coefficients are its own for strong noise too. Our choice, too: the mean of
a group is never shrunk, so that an image that is brighter by a constant gives a result that is brighter by it.

The transform of blocks is linear and has no part in the weights. So it is done once for each place of the image, not
once for each block of a group, and undone once for each place, after the blocks that fell there have been summed.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import conv_transpose2d, fold, pad

from pellucid.methods.classical.block_matching import (
    BLOCK,
    CELL,
    RADIUS,
    SPAN,
    STEP,
    Groups,
    blocks,
    match,
    whole_numbers,
)
from pellucid.methods.classical.filters import GREY_LEVEL
from pellucid.methods.classical.transforms import bior15, dct, haar, separable

STRONG = 40
"""Above so many grey levels of noise the parameters for strong noise are taken."""
CELLS = 8
"""Cells along a side of a piece that is worked on at once: they bound the memory."""
AT_ONCE = 2**14
"""Blocks that are transformed at once: few enough to stay in the cache."""
KAISER_BETA = 2.0


class Stage(ABC):
    """One of the two stages, for one noise level.

    Attributes:
        size: largest number of blocks in a group; a power of 2.
        nearness: largest mean squared difference of blocks of a group, in grey levels of 255.
        transform: (64, 64) of blocks as vectors.
    """

    size: int
    nearness: float
    transform: Tensor

    def __init__(self, sigma: float) -> None:
        self.sigma = sigma
        self.strong = sigma > STRONG * GREY_LEVEL

    def features(self, image: Tensor) -> Tensor:
        """What the blocks of an image (h, w) are compared by, in whole numbers: (h − 7, w − 7, 64)."""
        return blocks(whole_numbers(image.clamp(-1, 1)))

    @abstractmethod
    def shrink(self, noisy: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
        """Spectra (s, n, 64) of n groups without noise, and the weight (n,) of each group.

        Args:
            noisy: spectra of the noisy groups.
            guide: spectra of the same blocks of the image in which they were found.
        """


class HardThreshold(Stage):
    """First stage: coefficients that noise may have made are 0. Groups are found in the noisy image itself."""

    size = 16
    transform = separable(bior15(BLOCK))

    def __init__(self, sigma: float) -> None:
        super().__init__(sigma)
        self.nearness = 5_000.0 if self.strong else 2_500.0
        self.threshold = (2.8 if self.strong else 2.7) * sigma

    def features(self, image: Tensor) -> Tensor:
        """In strong noise blocks are compared by those cosine coefficients that stand out (λ = 2)."""
        if not self.strong:
            return super().features(image)
        spectra = blocks(image.clamp(-1, 1)) @ separable(dct(BLOCK)).to(image).T
        kept = spectra.abs() > 2 * self.sigma
        kept[..., 0] = True
        return whole_numbers(spectra * kept)

    def shrink(self, noisy: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:  # noqa: ARG002
        """Y if |Y| > λσ, else 0; weight 1/#nonzero."""
        kept = noisy.abs() > self.threshold
        kept[0, :, 0] = True
        return noisy * kept, 1 / kept.sum((0, 2))


class Wiener(Stage):
    """Second stage: the first estimate says what is signal, and where blocks are alike."""

    size = 32
    transform = separable(dct(BLOCK))

    def __init__(self, sigma: float) -> None:
        super().__init__(sigma)
        self.nearness = 3_500.0 if self.strong else 400.0

    def shrink(self, noisy: Tensor, guide: Tensor) -> tuple[Tensor, Tensor]:
        """G·Y with G = P²/(P² + σ²) from the guide's spectrum P; weight 1/‖G‖²."""
        power = guide.square()
        gain = power / (power + self.sigma**2)
        gain[0, :, 0] = 1
        return gain * noisy, 1 / gain.square().sum((0, 2))


def bm3d(image: Tensor, sigma: float) -> Tensor:
    """An image (H, W) without white Gaussian noise of standard deviation `sigma` > 0, both in units of [−1, 1]."""
    first = filtered([image], HardThreshold(sigma))
    return filtered([image, first], Wiener(sigma))


def filtered(images: Sequence[Tensor], stage: Stage) -> Tensor:
    """One stage: the first of some images (H, W), filtered by groups that are found in the last."""
    frame = Frame(*images[0].shape)
    framed = [frame.put(image) for image in images]
    # sums in float64 are the same in whatever order, and so in a tile
    exact = torch.float32 if framed[0].device.type == "mps" else torch.float64
    sums = torch.zeros(2, *framed[0].shape, dtype=exact, device=framed[0].device)
    for piece in frame.pieces():
        sums[:, *piece.place] += _filtered_piece([image[piece.place] for image in framed], piece, stage, exact)
    values, weights = frame.take(sums)
    estimate: Tensor = values / weights
    return estimate.to(images[0].dtype)


def _filtered_piece(images: Sequence[Tensor], piece: Piece, stage: Stage, exact: torch.dtype) -> Tensor:
    """Sums of weighted blocks and of weights, (2, h, w), from the references of one piece (h, w)."""
    valid = piece.valid.to(images[0].device)
    groups = match(stage.features(images[-1]), valid, piece.references, stage.size)
    transform = stage.transform.to(images[0])
    spectra = [blocks(image).flatten(0, 1) @ transform.T for image in images]
    values = torch.zeros_like(spectra[0], dtype=exact)
    weights = values.new_zeros(len(values))
    for index in by_size(groups, stage):
        shrunk, weight = _shrunk([spectrum[index] for spectrum in spectra], stage)
        values.index_add_(0, index.flatten(), (shrunk * weight[:, None]).flatten(0, 1).to(exact))
        weights.index_add_(0, index.flatten(), weight.to(exact).repeat(len(index)))
    window = kaiser().to(values)
    inverse = torch.linalg.inv(stage.transform).to(values) * window[:, None]
    summed = fold((inverse @ values.T)[None], tuple(images[0].shape), BLOCK)
    weight_map = weights.reshape(1, *valid.shape)
    return torch.cat([summed[0], conv_transpose2d(weight_map, window.reshape(1, 1, BLOCK, BLOCK))])


def _shrunk(spectra: Sequence[Tensor], stage: Stage) -> tuple[Tensor, Tensor]:
    """Groups (s, n, 64) of blocks' spectra, there and back by Haar's transform along each group; and their weights."""
    like = spectra[0]
    along = haar(len(like)).to(like)
    there = [(along @ spectrum.flatten(1)).view_as(like) for spectrum in spectra]
    shrunk, weight = stage.shrink(there[0], there[-1])
    return (along.T @ shrunk.flatten(1)).view_as(like), weight


def by_size(groups: Groups, stage: Stage) -> Iterator[Tensor]:
    """The groups' blocks that are near enough, cut down to the next power of 2: (s, n) for each s that occurs."""
    near = (groups.distance <= stage.nearness).sum(1)
    size = 1
    while size <= stage.size:
        chosen = (near >= size) & ((near < 2 * size) | (size == stage.size))
        if bool(chosen.any()):
            for some in torch.split(groups.place[chosen, :size], AT_ONCE // size):
                yield some.T
        size *= 2


def kaiser() -> Tensor:
    """Kaiser's window over a block, as a vector: less weight at the rim, so that no edges of blocks show."""
    window = torch.kaiser_window(BLOCK, periodic=False, beta=KAISER_BETA, dtype=torch.float64)
    return torch.outer(window, window).flatten()


class Piece(NamedTuple):
    """Some cells, at most `CELLS` in a row and in a column.

    Attributes:
        place: what its references see of the framed image, as rows and columns.
        references: rows and columns of references in it.
        valid: at which places (h − 7, w − 7) there is a block of the image.
    """

    place: tuple[slice, slice]
    references: tuple[int, int]
    valid: Tensor


class Frame:
    """An image (height, width) from 8×8, in a frame that makes all cells alike.

    At the bottom and the right up to two mirrored rows and columns are added, so that the references' grid ends there.
    """

    def __init__(self, height: int, width: int) -> None:
        self.shape = height, width
        self.extra = (BLOCK - height) % STEP, (BLOCK - width) % STEP
        self.inner = height + self.extra[0], width + self.extra[1]
        self.references = [(side - BLOCK) // STEP + 1 for side in self.inner]
        self.cells = [-(-count // CELL) for count in self.references]
        self.sides = [_side(count) for count in self.cells]

    def put(self, image: Tensor) -> Tensor:
        """The framed image; beyond it are zeros."""
        mirrored = pad(image[None, None], (0, self.extra[1], 0, self.extra[0]), mode="reflect")[0, 0]
        below, right = (side - RADIUS - inner for side, inner in zip(self.sides, self.inner, strict=True))
        return pad(mirrored, (RADIUS, right, RADIUS, below))

    def take(self, framed: Tensor) -> Tensor:
        """What lies inside the frame."""
        return framed[..., RADIUS : RADIUS + self.shape[0], RADIUS : RADIUS + self.shape[1]]

    def pieces(self) -> Iterator[Piece]:
        """They have every reference once."""
        along = [list(_stretches(*sides)) for sides in zip(self.cells, self.references, self.inner, strict=True)]
        for rows, columns in product(*along):
            valid = rows.valid[:, None] & columns.valid
            yield Piece((rows.place, columns.place), (rows.references, columns.references), valid)


class _Stretch(NamedTuple):
    """A piece along one axis."""

    place: slice
    references: int
    valid: Tensor


def _stretches(cells: int, references: int, inner: int) -> Iterator[_Stretch]:
    for first in range(0, cells, CELLS):
        count = min(CELLS, cells - first)
        start = first * CELL * STEP
        place = slice(start, start + _side(count))
        block = torch.arange(place.start, place.stop - BLOCK + 1) - RADIUS
        valid = (block >= 0) & (block <= inner - BLOCK)
        yield _Stretch(place, min(CELL * count, references - CELL * first), valid)


def _side(cells: int) -> int:
    """Pixels that so many cells in a row see."""
    return (cells - 1) * CELL * STEP + SPAN + BLOCK - 1
