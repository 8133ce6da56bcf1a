"""The state to resume from: one file of tensors and plain values, replaced in one step."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from pellucid.errors import InputError, RunError


def save_state(state: Mapping[str, Any], path: Path) -> None:
    """Write a training state so that at any instant the file is either the old one or the new one, complete.

    Raises:
        RunError: the disk is full, or the folder is gone.
    """
    unfinished = path.with_name(f".{path.name}.unfinished")
    try:
        with unfinished.open("wb") as file:  # torch's own would stay open after a failure
            torch.save(dict(state), file)
        unfinished.replace(path)
    except (OSError, RuntimeError) as problem:  # torch reports a full disk as RuntimeError
        raise RunError(
            f"{path}: could not be written ({str(problem).splitlines()[0]}); the last saved state is kept: "
            "free some disk space, then use pellucid resume"
        ) from problem
    finally:
        unfinished.unlink(missing_ok=True)


def load_state(path: Path) -> dict[str, Any]:
    """Read a training state; no code in it is ever executed.

    Raises:
        InputError: the file is missing or cannot be read.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise InputError(f"{path}: no saved training state; start a new training") from None
    except Exception as problem:  # torch raises many kinds for a damaged file
        raise InputError(f"{path}: cannot be read as a training state ({type(problem).__name__})") from problem
    if not isinstance(state, dict):
        raise InputError(f"{path}: cannot be read as a training state (it holds something else)")
    return state
