"""Statistics as a file: safetensors, a mean and a variance for each norm."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save

from pellucid.images.atomic import replacing
from pellucid.inference.statistics import Statistics
from pellucid.norms import Moments

_COUNT = "networks"
"""How many there are: not all have norms."""


def save_statistics(path: Path, statistics: Statistics) -> None:
    """Write statistics, in one step."""
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
    """The statistics in a file that `save_statistics` wrote."""
    tensors = load_file(path, device=str(device or "cpu"))
    found: list[dict[str, Moments]] = [{} for _ in range(int(tensors[_COUNT]))]
    for key in sorted(key for key in tensors if key.endswith("/mean")):
        network, name, _ = key.split("/")
        at = f"{network}/{name}"
        found[int(network)][name] = Moments(tensors[key], tensors[f"{at}/var"], tensors[f"{at}/pixels"].item())
    return found
