"""Normalisation: every norm of the paper, by name, for any network.

Read `moments.py` (what is measured), `feature.py` (the norms as formulas), `affine.py` (how they are applied).
For images with padding: `masked.py` (moments of the valid pixels).
For tiles: `frozen.py` (moments from elsewhere); `inference/layer_by_layer.py` measures them in many tiles at once, and
`inference/folding.py` turns norms into weights of convolutions.
For averaged weights: `recalibration.py` (new running statistics).
"""

from pellucid.norms.feature import FeatureNorm
from pellucid.norms.frozen import constrain, feature_norms, follows_mode, freeze, moments_from, record
from pellucid.norms.masked import measure_valid, shares
from pellucid.norms.moments import Moments, measure, merge, pool
from pellucid.norms.recalibration import keep_running_statistics, recalibrate, running_norms
from pellucid.norms.registry import NORMS, Norm, norm
from pellucid.norms.spectral import SpectralNorm, SpectralProjection, spectral

__all__ = [
    "NORMS",
    "FeatureNorm",
    "Moments",
    "Norm",
    "SpectralNorm",
    "SpectralProjection",
    "constrain",
    "feature_norms",
    "follows_mode",
    "freeze",
    "keep_running_statistics",
    "measure",
    "measure_valid",
    "merge",
    "moments_from",
    "norm",
    "pool",
    "recalibrate",
    "record",
    "running_norms",
    "shares",
    "spectral",
]
