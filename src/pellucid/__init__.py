"""Pellucid: learns to clean microscope images from noisy images and unrelated clean ones.

Names are resolved on first use, so that `import pellucid` costs nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from pellucid.version import __version__

if TYPE_CHECKING:
    from pellucid.api import denoise, evaluate, load, resume, train
    from pellucid.model import Model
    from pellucid.training import Execution

_HOME = {
    "Execution": "pellucid.training",
    "Model": "pellucid.model",
    "denoise": "pellucid.api",
    "evaluate": "pellucid.api",
    "resume": "pellucid.api",
    "load": "pellucid.api",
    "train": "pellucid.api",
}

__all__ = ["Execution", "Model", "__version__", "denoise", "evaluate", "load", "resume", "train"]


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first asked for."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    """The public names: what is offered on completion."""
    return sorted(__all__)
