"""Normalisation: every norm of the paper, by name, for any network.

Read `moments.py` (what is measured), `feature.py` (the norms as formulas), `affine.py` (how they are applied).
For images with padding: `masked.py` (moments of the pixels that are image).
For tiles: `frozen.py` (moments from elsewhere); `inference/layer_by_layer.py` measures them in many tiles at once, and
`inference/folding.py` turns norms into weights of convolutions.
"""

from pellucid.norms.feature import FeatureNorm
from pellucid.norms.frozen import constrain, feature_norms, follows_mode, freeze, moments_from, record
from pellucid.norms.masked import measure_valid, shares
from pellucid.norms.moments import Moments, measure, merge, pool
from pellucid.norms.recalibration import running_norms, settle, unremembered
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
    "measure",
    "measure_valid",
    "merge",
    "moments_from",
    "norm",
    "pool",
    "record",
    "running_norms",
    "settle",
    "shares",
    "spectral",
    "unremembered",
]
