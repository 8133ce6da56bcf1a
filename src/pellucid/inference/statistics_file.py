"""Statistics as a safetensors file: a mean and a variance for each norm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load_file, save

from pellucid.errors import InputError
from pellucid.files import replacing
from pellucid.inference.statistics import Statistics
from pellucid.methods import Denoiser
from pellucid.norms import FeatureNorm, Moments, feature_norms

_COUNT = "networks"
"""Name of the number of networks: not all have norms."""


def save_statistics(path: Path, statistics: Statistics) -> None:
    """Write statistics; the file appears in one step."""
    tensors = {_COUNT: torch.tensor(len(statistics))}
    for network, moments in enumerate(statistics):
        for name, (mean, var, pixels) in moments.items():
            tensors[f"{network}/{name}/mean"] = mean.detach().cpu().contiguous()
            tensors[f"{network}/{name}/var"] = var.detach().cpu().contiguous()
            tensors[f"{network}/{name}/pixels"] = torch.tensor(pixels)
    content = save(tensors)
    with replacing(path, overwrite=True) as temporary:
        temporary.write_bytes(content)


def load_statistics(path: Path, device: torch.device | None = None) -> Statistics:
    """Read statistics that `save_statistics` wrote.

    Raises:
        InputError: some are not finite.
    """
    tensors = load_file(path, device=str(device or "cpu"))
    found: list[dict[str, Moments]] = [{} for _ in range(int(tensors[_COUNT]))]
    for key in sorted(key for key in tensors if key.endswith("/mean")):
        network, name, _ = key.split("/")
        at = f"{network}/{name}"
        found[int(network)][name] = Moments(tensors[key], tensors[f"{at}/var"], tensors[f"{at}/pixels"].item())
    if not are_finite(found):
        raise InputError(f"{path}: the model cannot be used, because moments of its norms are not finite; train again")
    return found


def are_finite(statistics: Statistics) -> bool:
    """Whether all moments are finite, and no variance is negative."""
    every = (moments for network in statistics for moments in network.values())
    return all(bool(mean.isfinite().all() and var.isfinite().all() and (var >= 0).all()) for mean, var, _ in every)


def refuse_other(path: Path, statistics: Statistics, denoiser: Denoiser) -> None:
    """Raise InputError if the statistics in a file were not measured with such networks."""
    networks = [feature_norms(network) for network in denoiser.networks()]
    fit = len(statistics) == len(networks) and all(
        bool(measured) == bool(norms) and _fit(measured, norms)
        for measured, norms in zip(statistics, networks, strict=False)
    )
    if not fit:
        raise InputError(
            f"{path}: belongs to another run or recipe: its norms are not those of the weights beside it; "
            "copy the folder of the run again"
        )


def _fit(measured: Mapping[str, Moments], norms: Mapping[str, FeatureNorm]) -> bool:
    return all(name in norms and found.mean.shape == (1, norms[name].channels) for name, found in measured.items())
