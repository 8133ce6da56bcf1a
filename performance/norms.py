"""Each feature norm with its leaky ReLU, forward and backward, compared with memory bandwidth and torch's own norm.

The bandwidth share is that of the traffic that cannot be avoided where maps do not fit into the caches (a map is read
twice and written once on the way forth; map and gradient are read twice and a gradient written on the way back) at the
speed of a large copy. Maps that do fit can exceed 1.

The time ratio is ours over torch's norm and leaky ReLU; a norm that torch has not (batch-instance, switchable) is set
against torch's instance norm: it may measure no more than that does. The plain ratio is ours over ours without its fast
kernels. Below 1 is faster, of both.

    python performance/norms.py [--batch 4 64] [--map 32 64 64] [--seconds 2] [--device cpu] [NORM ...]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from _common import Program, medians_and_machine, parser, show
from torch import nn

from pellucid.norms import norm
from pellucid.ops import plain

SLOPE = 0.2
TORCH: dict[str, tuple[str, Callable[[int], nn.Module]]] = {
    "instance": ("InstanceNorm2d", lambda channels: nn.InstanceNorm2d(channels, affine=True)),
    "layer": ("GroupNorm(1)", lambda channels: nn.GroupNorm(1, channels)),
    "group": ("GroupNorm", lambda channels: nn.GroupNorm(max(1, channels // 32), channels)),
    "batch": ("BatchNorm2d", nn.BatchNorm2d),
    "batch-instance": ("InstanceNorm2d", lambda channels: nn.InstanceNorm2d(channels, affine=True)),
    "switchable": ("InstanceNorm2d", lambda channels: nn.InstanceNorm2d(channels, affine=True)),
}
"""The norm of torch that each norm is compared with."""

LAYOUTS = {"channels last": torch.channels_last, "channels first": torch.contiguous_format}
TRANSFERS = 3 + 5
"""Number of times that a map is read or written."""


def both_ways(layer: nn.Module, x: torch.Tensor) -> Program:
    """Forward and backward through a layer, to the input and to the parameters."""
    x = x.clone().requires_grad_()
    grad = torch.ones_like(x)
    wanted = [x, *(parameter for parameter in layer.parameters() if parameter.requires_grad)]
    return lambda: torch.autograd.grad(layer(x), wanted, grad)


def without_kernels(run: Program) -> Program:
    """The same, as plain torch computes it."""

    def run_plainly() -> None:
        with plain():
            run()

    return run_plainly


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


def measure(name: str, layout: str, shape: tuple[int, int, int, int], seconds: float, device: str) -> dict[str, Any]:
    """One row of the table."""
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device, memory_format=LAYOUTS[layout])
    against, make = TORCH[name]
    ours = norm(name).layer(shape[1], SLOPE).to(device)
    theirs = nn.Sequential(make(shape[1]), nn.LeakyReLU(SLOPE)).to(device)
    programs = {
        "ours": both_ways(ours, x),
        "torch": both_ways(theirs, x),
        "plain": without_kernels(both_ways(ours, x)),
    }
    times, machine = medians_and_machine(programs, seconds, device)
    return {
        "norm": name,
        "layout": layout,
        "shape": "×".join(map(str, shape)),
        "ms": times["ours"] * 1e3,
        "bandwidth share": TRANSFERS * x.nbytes / machine.bytes / times["ours"],
        "plain ms": times["plain"] * 1e3,
        "plain ratio": times["ours"] / times["plain"],
        "against": against,
        "torch's ms": times["torch"] * 1e3,
        "time ratio": times["ours"] / times["torch"],
        "kept KiB": kept_bytes(ours, x) / 1024,
        "torch's KiB": kept_bytes(theirs, x) / 1024,
    }


def main() -> None:
    """Measure every norm."""
    arguments = parser(__doc__)
    arguments.add_argument("norms", nargs="*", metavar="NORM", default=list(TORCH), help=", ".join(TORCH))
    arguments.add_argument("--batch", type=int, nargs="+", default=[4, 64])
    arguments.add_argument("--map", type=int, nargs=3, default=(32, 64, 64), metavar=("C", "H", "W"))
    arguments.add_argument("--seconds", type=float, default=2, help="for each norm, layout and batch")
    arguments.add_argument("--device", default="cpu")
    options = arguments.parse_args()
    channels, height, width = options.map
    rows = [
        measure(name, layout, (batch, channels, height, width), options.seconds, options.device)
        for batch in options.batch
        for layout in LAYOUTS
        for name in options.norms
    ]
    show(f"Norm and leaky ReLU, forward and backward, on {options.device}", rows, options)


if __name__ == "__main__":
    main()
