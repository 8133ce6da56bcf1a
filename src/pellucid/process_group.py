"""Processes that train one model together: `torchrun` starts them, and each has an equal share of every batch.

Within `sharing`, which is a training step, `whole` gathers the samples of all processes, and `own` takes the share of
this process. Elsewhere, and in a single process, both return what they get: the batch at hand is the whole batch.

All processes hold the same weights and draw the same random numbers. Whatever is random for each sample is drawn for
the whole batch, and each process takes its own share: the result is that of a single process. `launch.py` says what
`torchrun` told this process; it stands apart because the command line starts without torch.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor
from torch import distributed as dist

from pellucid.errors import RunError
from pellucid.launch import WHOLE, Share, local_share, share

PATIENCE = timedelta(minutes=10)
"""How long one process waits for another: longer than the leading process takes to save and draw previews."""
_INTERFACE = "GLOO_SOCKET_IFNAME"
"""The environment variable that names the network interface of gloo."""

_share: ContextVar[Share] = ContextVar("which part of the whole batch the batch at hand is", default=WHOLE)


@contextmanager
def together(device: torch.device) -> Iterator[None]:
    """Within the block the processes can communicate; none leaves it before all are done.

    Raises:
        RunError: another process has ended or does not answer.
    """
    if share().size == 1 or _joined():
        yield
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)
    with _loopback_if_local():
        _exchange(dist.init_process_group, "nccl" if device.type == "cuda" else "gloo", timeout=PATIENCE)
    try:
        yield
        meet()
    finally:
        dist.destroy_process_group()


@contextmanager
def _loopback_if_local() -> Iterator[None]:
    """Within the block gloo uses the loopback interface, if all processes run on this machine.

    Otherwise it would listen on the interface of the machine's host name, to any other machine.
    """
    if local_share().size < share().size or _INTERFACE in os.environ:
        yield
        return
    os.environ[_INTERFACE] = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    try:
        yield
    finally:
        del os.environ[_INTERFACE]


def meet() -> None:
    """Wait until all processes have come here."""
    if _joined():
        _exchange(dist.barrier)


def any_process(value: bool) -> bool:
    """Whether it is true in any process; all get the same answer."""
    if not _joined():
        return value
    values = torch.tensor(float(value), device=_device())
    _exchange(dist.all_reduce, values)
    return bool(values > 0)


def of_first(value: float) -> float:
    """Return the value of the first process, in all of them."""
    if not _joined():
        return value
    values = torch.tensor(value, dtype=torch.float64, device=_device())
    _exchange(dist.broadcast, values, src=0)
    return float(values)


@contextmanager
def sharing() -> Iterator[None]:
    """Within the block, in this thread, the batch at hand is this process's share of one."""
    outside = _share.set(_joined_share())
    try:
        yield
    finally:
        _share.reset(outside)


def _at_hand() -> Share:
    """The part of the whole batch that the batch at hand is."""
    if torch.compiler.is_compiling():  # the compiler cannot read a context; what it compiles runs in steps alone
        return _joined_share()
    return _share.get()


def _joined_share() -> Share:
    return Share(dist.get_rank(), dist.get_world_size()) if _joined() else WHOLE


def alone() -> bool:
    """Whether the batch at hand is the whole batch."""
    return _at_hand().size == 1


def own(x: Tensor) -> Tensor:
    """This process's samples (N, ...) of a whole batch (size·N, ...)."""
    return _own(x, _at_hand())


def _own(x: Tensor, part: Share) -> Tensor:
    count = len(x) // part.size
    return x if part.size == 1 else x.narrow(0, part.rank * count, count)


def whole(x: Tensor) -> Tensor:
    """The whole batch (size·N, ...), given the samples (N, ...) of this process.

    It can be differentiated, also twice; the gradient is that of the sum of the losses of all processes.
    """
    if alone():
        return x
    result: Tensor = _Gather.apply(x, _at_hand())  # type: ignore[no-untyped-call]
    return result


def like_whole(x: Tensor) -> Tensor:
    """An empty tensor of the size of the whole batch, given the samples (N, ...) of this process; to draw into."""
    return torch.empty_like(x if alone() else torch.cat([x] * _at_hand().size))


@torch.no_grad()
def mean(x: Tensor) -> Tensor:
    """The mean over all processes of tensors of one shape; without gradient."""
    if alone():
        return x
    total = x.clone(memory_format=torch.contiguous_format)
    _exchange(dist.all_reduce, total)
    return total / _at_hand().size


@torch.no_grad()
def average_(tensors: Iterable[Tensor]) -> None:
    """Replace each tensor by its mean over all processes, with one message for all of them."""
    if alone():
        return
    all_of_them = list(tensors)
    flat = mean(torch.cat([tensor.reshape(-1) for tensor in all_of_them]))
    parts = torch.split(flat, [tensor.numel() for tensor in all_of_them])
    for tensor, part in zip(all_of_them, parts, strict=True):
        tensor.copy_(part.view(tensor.shape))


class _Gather(torch.autograd.Function):
    """The samples of all processes, one share after the other; its transpose is `_Scatter`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, part: Share) -> Tensor:
        ctx.part = part  # on a GPU the backward pass has a thread of its own
        shares = [torch.empty_like(x, memory_format=torch.contiguous_format) for _ in range(part.size)]
        _exchange(dist.all_gather, shares, x.contiguous())
        return torch.cat(shares)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Scatter.apply(grad, ctx.part), None  # type: ignore[no-untyped-call]


class _Scatter(torch.autograd.Function):
    """The sum over all processes, of which each takes its own samples; its transpose is `_Gather`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, part: Share) -> Tensor:
        ctx.part = part
        total = x.clone(memory_format=torch.contiguous_format)
        _exchange(dist.all_reduce, total)
        return _own(total, part).clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return _Gather.apply(grad, ctx.part), None  # type: ignore[no-untyped-call]


def _device() -> str:
    """The kind of device whose tensors can be exchanged."""
    return "cuda" if dist.get_backend() == "nccl" else "cpu"


def _joined() -> bool:
    return dist.is_available() and dist.is_initialized()


def _exchange(how: Callable[..., Any], *arguments: Any, **options: Any) -> None:
    """Exchange something with all processes."""
    try:
        how(*arguments, **options)
    except RuntimeError as problem:
        raise RunError(
            "another process of this training has ended or does not answer: its message says why; "
            f"fix that, then use pellucid resume ({str(problem).splitlines()[0]})"
        ) from problem
