"""Memory and time that denoising takes, measured on a tile, and errors of memory that ran out."""

from __future__ import annotations

import math
import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch

from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError
from pellucid.inference.tiles import Box, tile_around
from pellucid.inference.view import View
from pellucid.io.image import Plane
from pellucid.methods import Denoiser

_PEAK = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


_SIDE = 256
"""Side of the measured tile, in pixels."""


class Cost(NamedTuple):
    """What denoising takes for each pixel that goes through the networks.

    Attributes:
        seconds: of computing.
        bytes: of memory at the worst moment.
    """

    seconds: float
    bytes: float


def is_out_of_memory(problem: BaseException) -> bool:
    """Whether an error says that memory ran out, on the CPU or a GPU."""
    if isinstance(problem, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(problem, RuntimeError) and any(
        words in str(problem) for words in ("can't allocate memory", "not enough memory", "out of memory")
    )


def measure_tile(denoiser: Denoiser, plane: Plane, intensity_range: IntensityRange) -> Cost:
    """The cost of a tile from the middle of a plane; its time is unknown if it is damaged or takes many rounds."""
    try:
        if denoiser.rounds == 1:
            return probe(denoiser, View.of_plane(plane, intensity_range, denoiser), _SIDE)
    except InputError:  # a damaged block is no reason not to begin: it fails in its turn
        pass
    return Cost(math.nan, denoiser.bytes_per_pixel)


@torch.no_grad()
def probe(denoiser: Denoiser, view: View, side: int) -> Cost:
    """Send one tile from the middle of an image through a denoiser, twice, and watch the second time.

    Bytes are those that the denoiser states, or what is measured if that is more: memory that the first time has left
    to the process is not counted the second time, and not all systems tell the peak.
    """
    top, left = (max(0, (length - side) // 2 // denoiser.stride * denoiser.stride) for length in view.whole.shape)
    core = Box(top, min(top + side, view.height), left, min(left + side, view.width))
    piece = view(tile_around(core, view.height, view.width, denoiser.halo, denoiser.stride).read)
    pixels = piece.shape[2] * piece.shape[3]
    denoiser(piece)
    before = _start_watching(denoiser.device)
    start = time.perf_counter()
    float(denoiser(piece)[0, 0, 0, 0])  # a number is there only when a GPU is done
    seconds = time.perf_counter() - start
    taken = _peak(denoiser.device) - before
    return Cost(seconds / pixels, max(taken / pixels, denoiser.bytes_per_pixel))


def _start_watching(device: torch.device) -> int:
    """Reset the peak; return the memory in use, in bytes, or more than there can be if the system does not say."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return int(torch.cuda.memory_allocated(device))
    try:
        _PEAK.write_text("5")  # resets VmHWM
    except OSError:
        return sys.maxsize
    return _status("VmRSS")


def _peak(device: torch.device) -> int:
    if device.type == "cuda":
        return int(torch.cuda.max_memory_allocated(device))
    return _status("VmHWM") if _STATUS.exists() else 0


def _status(field: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(field))
    return 1024 * int(line.split()[1])
