"""How much memory and time denoising takes, measured on a tile; and what running out of it looks like."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import NamedTuple

import torch

from pellucid.inference.tiles import Box, tile_around
from pellucid.inference.view import View
from pellucid.methods import Denoiser

_PEAK = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


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
    """Forget earlier peaks; the memory in use now, in bytes, or more than there can be where nobody tells."""
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
