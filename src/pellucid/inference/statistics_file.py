"""Statistics as a safetensors file: a mean and a variance for each norm."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load, save

from pellucid.errors import InputError
from pellucid.files import replacing
from pellucid.inference.statistics import Statistics
from pellucid.methods import Denoiser
from pellucid.norms import FeatureNorm, Moments, feature_norms

_COUNT = "networks"
"""Name of the number of networks: not all have norms."""
_MOST_NETWORKS = 100
"""More than any denoiser has: a damaged file must not fill the memory."""


def save_statistics(path: Path, statistics: Statistics) -> None:
    """Write statistics; the file appears in one step."""
    with replacing(path, overwrite=True) as temporary:
        temporary.write_bytes(dump_statistics(statistics))


def load_statistics(path: Path, device: torch.device | None = None) -> Statistics:
    """Read statistics that `save_statistics` wrote.

    Raises:
        InputError: some are not finite.
    """
    return parse_statistics(path.read_bytes(), path, device)


def dump_statistics(statistics: Statistics) -> bytes:
    """Return the content of a file of statistics."""
    tensors = {_COUNT: torch.tensor(len(statistics))}
    for network, moments in enumerate(statistics):
        for name, (mean, var, pixels) in moments.items():
            tensors[f"{network}/{name}/mean"] = mean.detach().cpu().contiguous()
            tensors[f"{network}/{name}/var"] = var.detach().cpu().contiguous()
            tensors[f"{network}/{name}/pixels"] = torch.tensor(pixels)
    return save(tensors)


def parse_statistics(content: bytes, place: str | Path, device: torch.device | None = None) -> Statistics:
    """Return the statistics that `dump_statistics` put into these bytes; `place` names them in messages.

    Raises:
        InputError: some are not finite.
        ValueError, LookupError, RuntimeError, SafetensorError: the content is damaged.
    """
    tensors = {name: tensor.to(device or "cpu") for name, tensor in load(content).items()}
    count = int(tensors[_COUNT])
    if count > _MOST_NETWORKS:
        raise ValueError(f"{count} networks")
    found: list[dict[str, Moments]] = [{} for _ in range(count)]
    for key in sorted(key for key in tensors if key.endswith("/mean")):
        network, name, _ = key.split("/")
        at = f"{network}/{name}"
        found[int(network)][name] = Moments(tensors[key], tensors[f"{at}/var"], tensors[f"{at}/pixels"].item())
    if not are_finite(found):
        raise InputError(f"{place}: the model cannot be used, because moments of its norms are not finite; train again")
    return found


def are_finite(statistics: Statistics) -> bool:
    """Whether all moments are finite, and no variance is negative."""
    every = (moments for network in statistics for moments in network.values())
    return all(bool(mean.isfinite().all() and var.isfinite().all() and (var >= 0).all()) for mean, var, _ in every)


def refuse_other(place: str | Path, statistics: Statistics, denoiser: Denoiser) -> None:
    """Raise InputError if the statistics in a file were not measured with such networks."""
    networks = [feature_norms(network) for network in denoiser.networks()]
    fit = len(statistics) == len(networks) and all(
        bool(measured) == bool(norms) and _fit(measured, norms)
        for measured, norms in zip(statistics, networks, strict=False)
    )
    if not fit:
        raise InputError(
            f"{place}: belongs to another run or recipe: its norms are not those of the weights beside it; "
            "copy the folder of the run again"
        )


def _fit(measured: Mapping[str, Moments], norms: Mapping[str, FeatureNorm]) -> bool:
    return all(name in norms and found.mean.shape == (1, norms[name].channels) for name, found in measured.items())
