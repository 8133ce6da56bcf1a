"""Maps that are made again when the backward pass wants them, instead of being kept.

What a norm gives is one read and one write away from what it was given, which is kept anyway. So of the two maps that a
layer would hold on to, one is enough:

    with remaking():
        loss = ...          # convolutions remember how their input was made, not the input
    loss.backward()

How a map was made is noted in the block, under the map for as long as that lives, and forgotten with the block. What
autograd holds afterwards is numbers alone: a result that a hook handed back as it is would hold on to its own graph,
which Python's collector cannot see, and which then is never freed unless all of it is gone through backwards.
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


class _Kept(NamedTuple):
    """A tensor's numbers without its graph, and how often they had been overwritten when they were kept."""

    numbers: Tensor
    version: int

    def get(self) -> Tensor:
        if self.numbers._version != self.version:  # autograd itself checks only what no hook has kept
            raise RuntimeError("a tensor that the backward pass needs has been overwritten in the meantime")
        return self.numbers


class _Remade(NamedTuple):
    """A function of numbers that are kept."""

    function: Callable[[Tensor], Tensor]
    source: _Kept | _Remade

    def get(self) -> Tensor:
        return self.function(self.source.get())


class _Note(NamedTuple):
    """How a map is made, as long as it is at this version."""

    making: _Remade
    version: int


_notes: ContextVar[MutableMapping[Tensor, _Note] | None] = ContextVar("notes of the innermost block", default=None)


def can_be_made_again(result: Tensor, function: Callable[[Tensor], Tensor], source: Tensor) -> Tensor:
    """The result, with a note that it is `function(source)`; that must give the same numbers later."""
    return _noted(result, _Remade(function, _keep(source)))


def made_likewise(function: Callable[[Tensor], Tensor], tensor: Tensor) -> Tensor:
    """`function(tensor)`, which can be made again if the tensor can."""
    result, making = function(tensor), _making(tensor)
    return result if making is None else _noted(result, _Remade(function, making))


@contextmanager
def remaking() -> Iterator[None]:
    """Within the block nothing that can be made again is kept for the backward pass."""
    before = _notes.set(WeakTensorKeyDictionary())
    try:
        with saved_tensors_hooks(_pack, _unpack):
            yield
    finally:
        _notes.reset(before)


def _noted(result: Tensor, making: _Remade) -> Tensor:
    notes = _notes.get()
    if notes is not None:
        notes[result] = _Note(making, result._version)
    return result


def _making(tensor: Tensor) -> _Remade | None:
    """How it is made; None if that is not known, or if it has been overwritten since."""
    if torch.compiler.is_compiling():
        return None
    notes = _notes.get()
    note = None if notes is None else notes.get(tensor)
    return note.making if note is not None and note.version == tensor._version else None


def _keep(tensor: Tensor) -> _Kept:
    return _Kept(tensor.detach(), tensor._version)


def _pack(tensor: Tensor) -> _Kept | _Remade:
    return _making(tensor) or _keep(tensor)


def _unpack(kept: _Kept | _Remade) -> Tensor:
    return kept.get()
