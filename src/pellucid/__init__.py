"""Pellucid: learns to denoise microscope images from noisy images and unrelated clean ones.

Names are imported on first use, so that `import pellucid` is fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.version import __version__

if TYPE_CHECKING:
    from pellucid.api import denoise, evaluate, export, load, resume, train, trust
    from pellucid.blockwise.plan import DenoiseOptions
    from pellucid.model import Model
    from pellucid.training import Callback, Execution

_HOME = {
    "Callback": "pellucid.training",
    "DenoiseOptions": "pellucid.blockwise.plan",
    "Execution": "pellucid.training",
    "Model": "pellucid.model",
    "denoise": "pellucid.api",
    "evaluate": "pellucid.api",
    "export": "pellucid.api",
    "resume": "pellucid.api",
    "load": "pellucid.api",
    "train": "pellucid.api",
    "trust": "pellucid.api",
}

__all__ = [
    "Callback",
    "DenoiseOptions",
    "Execution",
    "Model",
    "__version__",
    "denoise",
    "evaluate",
    "export",
    "load",
    "resume",
    "train",
    "trust",
]


def __getattr__(name: str) -> Any:
    """Import a public name from its module on first use."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """List the public names, for completion."""
    return sorted(__all__)
