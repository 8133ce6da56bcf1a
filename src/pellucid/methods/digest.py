"""The digest of a model: the same for the same recipe and weights, wherever and however they are stored."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from torch import Tensor

DIGITS = 12
"""How many hexadecimal digits are shown: enough to tell models apart."""


def model_digest(settings: Mapping[str, Any], weights: Mapping[str, Tensor]) -> str:
    """SHA-256 of a recipe's settings and a denoiser's weights, in hexadecimal digits.

    Args:
        settings: as they are stored, so that a setting which a later version adds does not change the digest.
        weights: by name, on any device.
    """
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode())
    for name, value in sorted(weights.items()):
        digest.update(f"\n{name} {tuple(value.shape)} {value.dtype}\n".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def short(digest: str) -> str:
    """The part of a digest that is shown."""
    return digest[:DIGITS]
