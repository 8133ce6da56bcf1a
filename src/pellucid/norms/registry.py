"""Every norm by its name. To add one: its formula in `feature.py`, its line here."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

from torch import nn

from pellucid.errors import InputError, nearest
from pellucid.norms import feature
from pellucid.norms.spectral import SpectralProjection, spectral


def _unchanged(conv: nn.Module) -> nn.Module:
    return conv


def _activate_only(channels: int, slope: float) -> nn.Module:  # noqa: ARG001
    return nn.LeakyReLU(slope)


class Norm(NamedTuple):
    """How a network is normalised.

    Attributes:
        layer: (channels, slope) -> the layer that normalises and then applies leaky ReLU.
        conv: what is done to each convolution.
        needs_pixels: whether it fails on a map of one pixel, which it would set to zero.
        couples_batch: whether it learns from statistics of the whole batch, which a small batch gives badly.
    """

    layer: Callable[[int, float], nn.Module] = _activate_only
    conv: Callable[[nn.Module], nn.Module] = _unchanged
    needs_pixels: bool = False
    couples_batch: bool = False


NORMS: dict[str, Norm] = {
    "none": Norm(),
    "instance": Norm(feature.Instance, needs_pixels=True),
    "instance-plain": Norm(feature.PlainInstance, needs_pixels=True),
    "instance-torch": Norm(feature.TorchInstance, needs_pixels=True),
    "layer": Norm(feature.Layer),
    "group": Norm(feature.Group),
    "batch": Norm(feature.Batch, couples_batch=True),
    "batch-torch": Norm(feature.TorchBatch, couples_batch=True),
    "batch-instance": Norm(feature.BatchInstance, couples_batch=True),
    "batch-instance-running": Norm(feature.RunningBatchInstance, couples_batch=True),
    "switchable": Norm(feature.Switchable, couples_batch=True),
    "switchable-frozen": Norm(feature.FrozenSwitchable, couples_batch=True),
    "spectral": Norm(conv=spectral),
    "spectral-project": Norm(conv=partial(spectral, parametrisation=SpectralProjection)),
}


def norm(name: str) -> Norm:
    """The norm of this name.

    Raises:
        InputError: unknown name; the nearest known one is named.
    """
    if name in NORMS:
        return NORMS[name]
    raise InputError(f"unknown norm {name!r}: {nearest(name, NORMS)}")
