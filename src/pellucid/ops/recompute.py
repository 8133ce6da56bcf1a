"""Feature maps that the backward pass recomputes instead of keeping.

The output of a norm is one read and one write away from its input, which is kept anyway. So of the two maps that a
layer would keep, one is enough:

    with recompute_activations():
        loss = ...          # convolutions keep how their input is computed, not the input
    loss.backward()

Within the block each map has a note of how it is computed, for as long as the map lives; the notes end with the block.
After that autograd holds plain values alone. A result that a hook returned unchanged would hold its own graph, which
Python's garbage collector cannot see and which would stay in memory until a backward pass had gone through all of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks
from torch.utils.weak import WeakTensorKeyDictionary


class _Saved(NamedTuple):
    """The values of a tensor without its graph, and the version that they had when they were saved."""

    values: Tensor
    version: int

    def get(self) -> Tensor:
        if self.values._version != self.version:  # autograd checks only tensors that no hook has saved
            raise RuntimeError("a tensor that the backward pass needs was overwritten in the meantime")
        return self.values


class _Recomputed(NamedTuple):
    """A function of saved values."""

    function: Callable[[Tensor], Tensor]
    source: _Saved | _Recomputed

    def get(self) -> Tensor:
        return self.function(self.source.get())


class _Note(NamedTuple):
    """How this version of a map is computed."""

    how: _Recomputed
    version: int


_notes: ContextVar[MutableMapping[Tensor, _Note] | None] = ContextVar("notes of the innermost block", default=None)


def mark_recomputable(result: Tensor, function: Callable[[Tensor], Tensor], source: Tensor) -> Tensor:
    """Note that a result is `function(source)`, which must give the same values later; return the result."""
    return _note(result, _Recomputed(function, _save(source)))


def apply_recomputable(function: Callable[[Tensor], Tensor], tensor: Tensor) -> Tensor:
    """Return `function(tensor)`; it is recomputed in the backward pass if the tensor is."""
    result, how = function(tensor), _how(tensor)
    return result if how is None else _note(result, _Recomputed(function, how))


@contextmanager
def recompute_activations() -> Iterator[None]:
    """Within the block nothing that can be recomputed is kept for the backward pass."""
    before = _notes.set(WeakTensorKeyDictionary())
    try:
        with saved_tensors_hooks(_pack, _unpack):
            yield
    finally:
        _notes.reset(before)


def _note(result: Tensor, how: _Recomputed) -> Tensor:
    notes = _notes.get()
    if notes is not None:
        notes[result] = _Note(how, result._version)
    return result


def _how(tensor: Tensor) -> _Recomputed | None:
    """How a tensor is computed; None if that is not known, or if it was overwritten since."""
    if torch.compiler.is_compiling():
        return None
    notes = _notes.get()
    note = None if notes is None else notes.get(tensor)
    return note.how if note is not None and note.version == tensor._version else None


def _save(tensor: Tensor) -> _Saved:
    return _Saved(tensor.detach(), tensor._version)


def _pack(tensor: Tensor) -> _Saved | _Recomputed:
    return _how(tensor) or _save(tensor)


def _unpack(packed: _Saved | _Recomputed) -> Tensor:
    return packed.get()
