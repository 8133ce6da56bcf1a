"""Electron-microscopy-like tissue with known truth, from a seed, in two and three dimensions."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from pellucid.errors import InputError
from pellucid.simulation.phantom.paint import Painter
from pellucid.simulation.phantom.scene import build

Polarity = Literal["dark", "light"]

__all__ = ["Polarity", "tissue"]


def tissue(shape: tuple[int, ...], seed: int = 0, polarity: Polarity = "dark") -> NDArray[np.uint8]:
    """Noise-free tissue as an electron microscope shows it.

    Cells are bent tubes packed from somata to thin neurites and cut by planes one pixel apart, so that neighbouring
    slices of a volume continue each other. One pixel stands for about 10 nm.

    Args:
        shape: (Y, X) or (Z, Y, X), at least 16 pixels in Y and X.
        seed: 0 to 2⁶⁴ − 1; the same seed and shape give the same tissue.
        polarity: "dark" membranes on pale cytoplasm, or "light": the inverse contrast.

    Returns:
        uint8 array of that shape; a plane has a mean of about 130 and a standard deviation of about 34.

    Raises:
        InputError: the shape, the seed or the polarity is not one of these.
    """
    volume = _checked(shape, seed, polarity)
    painter = Painter(volume, build(volume, seed), seed)
    out = np.empty(volume, dtype=np.uint8)
    for z in range(volume[0]):
        out[z] = np.clip(np.rint(painter.plane(z)), 0, 255)
    if polarity == "light":
        np.subtract(255, out, out=out)
    return out.reshape(shape)


def _checked(shape: tuple[int, ...], seed: int, polarity: str) -> tuple[int, int, int]:
    if polarity not in ("dark", "light"):
        raise InputError(f"unknown polarity {polarity!r}: give 'dark' or 'light' (of the membranes)")
    if not 0 <= seed < 2**64:
        raise InputError(f"seed {seed} is out of range: give a whole number from 0 to 2**64 - 1")
    if len(shape) not in (2, 3) or min(shape) < 1 or min(shape[-2:]) < 16:
        raise InputError(f"phantom shape {tuple(shape)}: give (Y, X) or (Z, Y, X) with Y and X at least 16")
    depth = shape[0] if len(shape) == 3 else 1
    return depth, shape[-2], shape[-1]
