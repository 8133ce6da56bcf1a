"""Evaluation of results: PSNR and SSIM against a reference, and measures that need none."""

from pellucid.evaluation.compare import (
    Evaluation,
    Score,
    data_range_of,
    evaluate_planes,
    evaluate_sources,
    match_planes,
)
from pellucid.evaluation.metrics import psnr, ssim, ssim_map
from pellucid.evaluation.reference_free import PairMoments, RemovedNoise, removed_noise

__all__ = [
    "Evaluation",
    "PairMoments",
    "RemovedNoise",
    "Score",
    "data_range_of",
    "evaluate_planes",
    "evaluate_sources",
    "match_planes",
    "psnr",
    "removed_noise",
    "ssim",
    "ssim_map",
]
