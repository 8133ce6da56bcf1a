"""Room for paused passes: in memory while there is some, then in files, which are deleted with the cache."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from pellucid.inference.layer_by_layer import State

_SPARE = 1 << 30
"""Bytes that are left free on a disk."""


class NoRoomError(Exception):
    """Neither memory nor disk has room."""


class _Stored(NamedTuple):
    """A tensor on disk, in channels-last order."""

    file: Path
    shape: tuple[int, ...]
    device: torch.device


class ActivationCache:
    """States of paused passes by number, for use in a `with` block.

    Args:
        memory: bytes that they may take before they go to disk.
        folder: for the files; the system's temporary folder if not given.
    """

    def __init__(self, memory: float, folder: Path | None = None) -> None:
        self._memory = memory
        self._parent = folder
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._states: dict[int, State] = {}
        self._sizes: dict[int, int] = {}

    def __enter__(self) -> ActivationCache:
        return self

    def __exit__(self, *error: object) -> None:
        self.clear()

    def put(self, number: int, state: State) -> None:
        """Store a state.

        Raises:
            NoRoomError: there is room neither in memory nor on disk.
        """
        size = sum(value.nbytes for value in state.live.values() if isinstance(value, Tensor))
        if sum(self._sizes.values()) + size <= self._memory:
            self._sizes[number] = size
            self._states[number] = state
        else:
            self._states[number] = state._replace(live=self._store(number, state.live, size))

    def take(self, number: int) -> State:
        """Remove a state and return it."""
        state = self._states.pop(number)
        self._sizes.pop(number, None)
        return state._replace(live={name: _load(value) for name, value in state.live.items()})

    def clear(self) -> None:
        """Drop all states."""
        self._states.clear()
        self._sizes.clear()
        if self._folder:
            self._folder.cleanup()
            self._folder = None

    def _store(self, number: int, live: dict[str, Any], size: int) -> dict[str, Any]:
        if self._folder is None:
            self._folder = tempfile.TemporaryDirectory(prefix="pellucid-", dir=self._parent)
        folder = Path(self._folder.name)
        if shutil.disk_usage(folder).free < size + _SPARE:
            raise NoRoomError
        return {
            name: _save(value, folder / f"{number}-{place}.raw") if isinstance(value, Tensor) else value
            for place, (name, value) in enumerate(live.items())
        }


def _save(x: Tensor, file: Path) -> _Stored:
    x.permute(0, 2, 3, 1).contiguous().cpu().numpy().tofile(file)
    return _Stored(file, tuple(x.shape), x.device)


def _load(value: Any) -> Any:
    if not isinstance(value, _Stored):
        return value
    batch, channels, height, width = value.shape
    pixels = np.fromfile(value.file, np.float32).reshape(batch, height, width, channels)
    value.file.unlink()
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).to(value.device)
