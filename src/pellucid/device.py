"""The device that computes, why it was chosen, and how much memory is free."""

from __future__ import annotations

import os
from typing import NamedTuple

import torch

from pellucid.errors import InputError
from pellucid.launch import local_share


class Device(NamedTuple):
    """A device and the reason for it, in words."""

    torch: torch.device
    reason: str

    def __str__(self) -> str:
        return f"{self.torch} ({self.reason})"


_OTHERS = {"mps": "no Apple GPU found"}
"""Reasons in place of torch's, which name all its backends."""


def choose_device(name: str = "auto") -> Device:
    """The named device, or with "auto" the fastest one here. Processes that train together have a GPU each.

    Raises:
        InputError: the device is not available.
    """
    if name == "auto":
        if torch.cuda.is_available():
            gpu = _own_gpu()
            return Device(gpu, torch.cuda.get_device_name(gpu))
        if torch.backends.mps.is_available():
            return Device(torch.device("mps"), "Apple GPU")
        threads = torch.get_num_threads()
        return Device(torch.device("cpu"), f"no GPU found; {threads} thread{'s' * (threads != 1)}")
    try:
        device = _own_gpu() if name == "cuda" else torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as problem:
        kind = name.partition(":")[0]
        reason = str(problem).splitlines()[0] if kind in ("cpu", "cuda") else _OTHERS.get(kind, "unknown")
        raise InputError(f"device {name!r} cannot be used ({reason}): try --device cpu") from None
    return Device(device, "as asked")


def _own_gpu() -> torch.device:
    rank, size = local_share()
    return torch.device("cuda", rank) if size > 1 else torch.device("cuda")


def free_memory(device: torch.device | None = None) -> int:
    """Free bytes of main memory, or of a CUDA device; 4 GiB where the system does not tell."""
    if device is not None and device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    try:
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return 4 << 30
