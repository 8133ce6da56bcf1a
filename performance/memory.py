"""Peak memory of `pellucid denoise` for volumes of growing size: it must not grow with them.

Each volume is denoised by the command line in a process of its own, whose peak of resident memory the system tells.
Volumes are OME-Zarr of phantom tissue with shot noise, one chunk in `--sparse` filled, the others missing (they read
as 0). The model is a small one of `proposed`, whose norms measure each plane, after
two steps of training: memory does not ask what it has learned.

    python performance/memory.py [--megapixels 16 64 256] [--width 16] [--memory 1G] [--sparse 1]
    python performance/memory.py --megapixels 4295 --width 2 --sparse 8
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from _common import parser, show
from _process import alone, peak

import pellucid
from pellucid.cli import main as main_of_pellucid
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

SIDE = 2048
"""The side of a plane, in pixels; a volume grows along z, as those of a microscope do."""
CHUNK = (8, 512, 512)


def train(folder: Path, width: int) -> Path:
    """A run of two steps."""
    clean = [tissue((128, 128), seed=number) for number in (1, 2)]
    noisy = [simulate(plane, "film", seed=3) for plane in clean]
    pellucid.train(clean, noisy, out=folder, recipe="proposed", steps=2, width=width, batch=2)
    return folder


def make_volume(path: Path, planes: int, sparse: int) -> None:
    """Write a volume of so many planes, every `sparse`-th chunk of it."""
    chunk = np.broadcast_to(simulate(tissue(CHUNK[1:], seed=4), "film", seed=5), CHUNK)
    volume = zarr.create_array(path, shape=(planes, SIDE, SIDE), chunks=CHUNK, dtype=np.uint8, fill_value=0)
    counts = volume.cdata_shape
    for number, (z, y, x) in enumerate(np.ndindex(*counts)):
        if number % sparse == 0:
            volume.blocks[z, y, x] = chunk[: min(CHUNK[0], planes - z * CHUNK[0])]


def denoise(volume: Path, output: Path, run: Path, memory: str, statistics: str) -> tuple[float, float]:
    """Denoise by the command line; seconds, and the peak of resident memory in MiB."""
    arguments = ["denoise", str(volume), str(output), "--model", str(run), "--memory", memory, "--overwrite"]
    start = time.perf_counter()
    most = alone(peak_of_command, [*arguments, "--statistics", statistics])
    return time.perf_counter() - start, most


def peak_of_command(arguments: list[str]) -> float:
    """The peak of resident memory of this process, in MiB, after a command of `pellucid`."""
    try:
        main_of_pellucid(arguments)
    except SystemExit as end:
        if end.code:
            raise RuntimeError(f"pellucid {' '.join(arguments)} ended with {end.code}") from None
    return peak() / 2**20


def measure(folder: Path, megapixels: float, options: argparse.Namespace) -> dict[str, Any]:
    """One row of the table."""
    planes = max(1, round(megapixels * 1e6 / SIDE**2))
    volume = folder / f"{planes}.zarr"
    make_volume(volume, planes, options.sparse)
    seconds, peak = denoise(volume, folder / "out.zarr", folder / "run", options.memory, options.statistics)
    return {
        "volume": f"{planes} × {SIDE} × {SIDE}",
        "megapixels": planes * SIDE**2 / 1e6,
        "peak MiB": peak,
        "seconds": seconds,
        "megapixels/s": planes * SIDE**2 / 1e6 / seconds,
    }


def main() -> None:
    """Measure volumes of every size."""
    arguments = parser(__doc__)
    arguments.add_argument("--megapixels", type=float, nargs="+", default=[16, 64, 256])
    arguments.add_argument("--width", type=int, default=16, help="channels of the networks")
    arguments.add_argument("--memory", default="1G", help="as the command line takes it")
    arguments.add_argument("--statistics", default="sampled")
    arguments.add_argument("--sparse", type=int, default=1, help="one chunk in so many is filled")
    options = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        train(folder / "run", options.width)
        rows = [measure(folder, megapixels, options) for megapixels in options.megapixels]
    for row in rows:
        row["peak ratio"] = row["peak MiB"] / rows[0]["peak MiB"]
    show(
        f"Peak memory of `pellucid denoise --memory {options.memory} --statistics {options.statistics}`", rows, options
    )


if __name__ == "__main__":
    main()
