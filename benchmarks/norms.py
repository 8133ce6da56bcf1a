"""Each feature norm with its leaky ReLU, forward and backward, against torch's own norm and leaky ReLU.

A norm that torch has not (batch-instance, switchable) is set against torch's instance norm: it may measure no more
than that does. Below 1 is faster than torch.

    python benchmarks/norms.py [--shape 4 64 64 64] [--seconds 2]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

import torch
from _common import medians, show
from torch import nn

from pellucid.norms import norm

SLOPE = 0.2
TORCH: dict[str, tuple[str, Callable[[int], nn.Module]]] = {
    "instance": ("InstanceNorm2d", lambda channels: nn.InstanceNorm2d(channels, affine=True)),
    "layer": ("GroupNorm(1)", lambda channels: nn.GroupNorm(1, channels)),
    "group": ("GroupNorm", lambda channels: nn.GroupNorm(max(1, channels // 32), channels)),
    "batch": ("BatchNorm2d", nn.BatchNorm2d),
    "batch-instance": ("InstanceNorm2d", lambda channels: nn.InstanceNorm2d(channels, affine=True)),
    "switchable": ("InstanceNorm2d", lambda channels: nn.InstanceNorm2d(channels, affine=True)),
}
"""What each norm is set against, and how it is made."""


def both_ways(layer: nn.Module, x: torch.Tensor) -> Callable[[], object]:
    """Forward and backward through a layer, to the input and to the parameters."""
    x = x.clone().requires_grad_()
    grad = torch.ones_like(x)
    wanted = [x, *(parameter for parameter in layer.parameters() if parameter.requires_grad)]
    return lambda: torch.autograd.grad(layer(x), wanted, grad)


def kept_bytes(layer: nn.Module, x: torch.Tensor) -> int:
    """Bytes kept from forward to backward beside the input, each tensor counted once."""
    kept: dict[int, int] = {}
    x = x.clone().requires_grad_()

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        result = layer(x)  # held until all is counted, or its memory would be handed out again
    kept.pop(x.untyped_storage().data_ptr(), None)
    del result
    return sum(kept.values())


def measure(name: str, shape: tuple[int, int, int, int], seconds: float) -> dict[str, Any]:
    """One row of the table."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    channels = shape[1]
    against, make = TORCH[name]
    ours, theirs = norm(name).layer(channels, SLOPE), nn.Sequential(make(channels), nn.LeakyReLU(SLOPE))
    times = medians({"ours": both_ways(ours, x), "torch": both_ways(theirs, x)}, seconds)
    return {
        "norm": name,
        "against": against,
        "ms": times["ours"] * 1e3,
        "torch's ms": times["torch"] * 1e3,
        "time ratio": times["ours"] / times["torch"],
        "kept KiB": kept_bytes(ours, x) / 1024,
        "torch's KiB": kept_bytes(theirs, x) / 1024,
    }


def main() -> None:
    """Measure every norm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", type=int, nargs=4, default=(4, 64, 64, 64), metavar=("N", "C", "H", "W"))
    parser.add_argument("--seconds", type=float, default=2, help="for each norm")
    options = parser.parse_args()
    shape: tuple[int, int, int, int] = tuple(options.shape)
    rows = [measure(name, shape, options.seconds) for name in TORCH]
    show(f"Norm and leaky ReLU, forward and backward, on {' × '.join(map(str, shape))}", rows)


if __name__ == "__main__":
    main()
