"""The error to expect in each pixel: what a denoiser says of itself, calibrated on pseudo-pairs.

A student predicts its own error; ISCL's two estimates differ most where they are wrong. Neither is in grey levels that
can be relied on, so both are scaled: on half of the pairs by the factor for which 90 % of the errors are smaller, and
checked on the other half.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from pellucid.assessment.pseudo_pairs import Images, Pairs, Stacks
from pellucid.assessment.squares import square_means
from pellucid.methods import Denoiser
from pellucid.methods.student import StudentDenoiser

BAND = 0.9
"""Share of the errors that are smaller than the band."""
CELL = 8
"""Side of the squares by which predicted and true errors are ranked, in pixels."""
USEFUL = 0.6
"""Rank correlation from which a map of expected errors is shown."""
ROUNDING = 1e-4
"""Difference of the smallest and the largest predicted error, relative, below which they are the same."""
LEAST = 0.01
"""Smallest error that is predicted, in units of [−1, 1]."""


@dataclass(frozen=True)
class ErrorBand:
    """How well a denoiser knows its error.

    Attributes:
        factor: by which the predicted error is multiplied.
        coverage: share of the errors that are smaller, on pairs that did not choose the factor.
        rank: rank correlation of predicted and true error over squares of 8 pixels, on these pairs.
    """

    factor: float
    coverage: float
    rank: float

    @property
    def useful(self) -> bool:
        """Whether a map of it tells good places from bad ones."""
        return self.rank >= USEFUL


def error_band(denoiser: Denoiser, pairs: Pairs) -> ErrorBand | None:
    """Calibrate what a denoiser says of its error; None if it says nothing."""
    if not _predicts(denoiser):
        return None
    predicted, denoised = predicted_error(denoiser, pairs.stacks)
    errors = np.abs(denoised - pairs.truth)
    factor = float(np.quantile(errors[::2] / predicted[::2], BAND))
    band, rest = factor * predicted[1::2], errors[1::2]
    from scipy.stats import spearmanr  # here: it changes the filters of warnings

    expected, found = (square_means(each, CELL).ravel() for each in (band, rest))
    rank = spearmanr(expected, found).statistic if np.ptp(band) > ROUNDING * band.max() else 0.0
    return ErrorBand(factor, float((rest <= band).mean()), float(rank))


def predicted_error(denoiser: Denoiser, noisy: Stacks) -> tuple[NDArray[np.float32], Images]:
    """The error that a denoiser which predicts it expects in each pixel, not calibrated; and its result.

    Args:
        denoiser: in evaluation mode.
        noisy: as many slices as it sees, (N, slices, Y, X).
    """
    found, results = [], []
    with torch.inference_mode():
        for image in torch.from_numpy(noisy)[:, None].to(denoiser.device):
            if isinstance(denoiser, StudentDenoiser):
                estimate, logarithm = denoiser.with_error(image)
                found.append(logarithm.exp())
                results.append(estimate.clamp(-1, 1))
                continue
            estimates = denoiser.estimates(image)
            one, other = estimates.values()
            found.append((one - other).abs())
            results.append(denoiser.combine(estimates))
    return torch.cat(found)[:, 0].clamp_min(LEAST).cpu().numpy(), torch.cat(results)[:, 0].cpu().numpy()


def _predicts(denoiser: Denoiser) -> bool:
    return isinstance(denoiser, StudentDenoiser) or len(denoiser.estimate_names) == 2
