"""The machine as far as it matters for computing, without its name."""

from __future__ import annotations

import os
import platform
import shutil
from pathlib import Path
from typing import Any

import torch

from pellucid.device import free_memory
from pellucid.ops import kernels

VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "GOMP_SPINCOUNT",
    "KMP_BLOCKTIME",
    "ATEN_CPU_CAPABILITY",
    "ONEDNN_MAX_CPU_ISA",
    "CUDA_VISIBLE_DEVICES",
    "PYTORCH_CUDA_ALLOC_CONF",
    "PYTORCH_ENABLE_MPS_FALLBACK",
    "MALLOC_ARENA_MAX",
    "MALLOC_TRIM_THRESHOLD_",
    "MALLOC_MMAP_THRESHOLD_",
    "WORLD_SIZE",
    "PELLUCID_PLAIN",
    "NO_COLOR",
    "FORCE_COLOR",
    "TERM",
)
"""Environment variables that change results in their last digits, speed, memory or colours; none holds a path."""


def system() -> dict[str, Any]:
    """Operating system, Python and processor."""
    return {
        "system": platform.platform(),
        "python": platform.python_version(),
        "processor": platform.machine(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
    }


def kernel_state() -> str:
    """Whether the C kernels are there, and used."""
    if not Path(kernels.__file__).with_name("libpellucid.so").exists():
        return "not built: torch does their work, slower"
    if not kernels.built():
        return "built, but they do not load: torch does their work, slower; install Pellucid again"
    return "built and loaded" if kernels.wanted() else "built and loaded, but PELLUCID_PLAIN switches them off"


def accelerators() -> dict[str, str]:
    """GPUs by the name that --device takes."""
    found = {f"cuda:{number}": _cuda(number) for number in range(torch.cuda.device_count())}
    return {**found, **({"mps": "Apple GPU"} if torch.backends.mps.is_available() else {})}


def room() -> dict[str, int]:
    """Free memory and free disk space of the present folder, in bytes."""
    return {"memory_free": free_memory(), "disk_free": shutil.disk_usage(".").free}


def variables() -> dict[str, str]:
    """The environment variables that are set."""
    return {name: os.environ[name] for name in VARIABLES if name in os.environ}


def _cuda(number: int) -> str:
    return f"{torch.cuda.get_device_name(number)}, {_gib(free_memory(torch.device('cuda', number)))} free"


def _gib(count: float) -> str:
    return f"{count / (1 << 30):.1f} GiB"
