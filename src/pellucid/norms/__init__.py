"""Normalisation: every norm of the paper, by name, for any network.

Read `moments.py` (what is measured), `feature.py` (the norms as formulas), `affine.py` (how they are applied).
The same faster, and kept in less memory: `kernels.c`, `fused.py`, `recomputing.py`.
For images with padding: `masked.py` (moments of the pixels that are image).
For tiles: `frozen.py` (moments from elsewhere), `halting.py` (measured in many tiles at once), `folding.py` (norms as
weights of convolutions).
"""

from pellucid.norms.catalogue import NORMS, Norm, norm
from pellucid.norms.feature import FeatureNorm
from pellucid.norms.folding import Folding
from pellucid.norms.frozen import constrain, feature_norms, follows_mode, freeze, moments_from, record
from pellucid.norms.halting import Halting, State
from pellucid.norms.kernels import plain
from pellucid.norms.masked import measure_valid, shares
from pellucid.norms.moments import Moments, measure, merge, pool
from pellucid.norms.recomputing import remaking
from pellucid.norms.running import running_norms, settle, unremembered
from pellucid.norms.spectral import SpectralNorm, SpectralProjection, spectral
from pellucid.norms.synchronised import local_statistics

__all__ = [
    "NORMS",
    "FeatureNorm",
    "Folding",
    "Halting",
    "Moments",
    "Norm",
    "SpectralNorm",
    "SpectralProjection",
    "State",
    "constrain",
    "feature_norms",
    "follows_mode",
    "freeze",
    "local_statistics",
    "measure",
    "measure_valid",
    "merge",
    "moments_from",
    "norm",
    "plain",
    "pool",
    "record",
    "remaking",
    "running_norms",
    "settle",
    "shares",
    "spectral",
    "unremembered",
]
