"""Sample data: made-up tissue with film noise, and the truth."""

from __future__ import annotations

from pellucid.napari_plugin.reader import LayerData
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

SIDE = 512
NANOMETRES = 10.0
"""What one pixel of the phantom stands for."""


def tissue_layers() -> list[LayerData]:
    """The clean image and, in front of it, the noisy one."""
    clean = tissue((SIDE, SIDE), seed=0)
    shared = {"scale": [NANOMETRES] * 2, "units": ["nm"] * 2, "axis_labels": ["y", "x"]}
    noisy = simulate(clean, "film", seed=0)
    return [(clean, shared | {"name": "tissue, clean"}, "image"), (noisy, shared | {"name": "tissue, noisy"}, "image")]
