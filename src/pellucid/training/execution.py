"""How a training is computed: not part of the recipe, and without influence on the files of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import wraps
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from pellucid.errors import InputError
from pellucid.methods import Denoiser, Method
from pellucid.norms import feature_norms
from pellucid.ops import kernels
from pellucid.seeding import RandomLayer

BACKEND = "inductor"
"""The backend of torch.compile."""


@dataclass(frozen=True)
class Execution:
    """Options chosen whenever a training is started or resumed.

    Attributes:
        amp: compute the networks in bfloat16 where that is safe (automatic mixed precision). Weights, their gradients,
            the moments and constants of norms, and all losses stay float32.
        compile: compile the networks with `torch.compile`.
        local_statistics: norms use each process's share of a batch, not the whole batch.
    """

    amp: bool = False
    compile: bool = False
    local_statistics: bool = False

    def prepare(self, method: nn.Module, device: torch.device) -> None:
        """Prepare the networks of a method; compilation, if chosen, happens at the first step.

        Raises:
            InputError: this machine does not support what was chosen.
        """
        if self.amp and device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
            raise InputError("--amp needs a GPU that computes in bfloat16 (compute capability 8.0): omit it")
        for norm in feature_norms(method).values():
            norm.local_statistics = self.local_statistics
        if self.compile:
            _check_compiler(device)
            for network in filter(_compiles, networks_of(method)):
                network.compile(backend=BACKEND)  # in place: no name in a saved state changes

    @contextmanager
    def step(self, method: nn.Module, device: torch.device) -> Iterator[None]:
        """Within the block, compute a step as chosen."""
        with ExitStack() as stack:
            if device.type == "cuda":
                stack.enter_context(_tried_out())
            if self.amp:
                stack.enter_context(kernels.plain())  # those support float32 only
                stack.enter_context(mixed_precision(networks_of(method), device.type))
            yield


def networks_of(module: nn.Module) -> list[nn.Module]:
    """Return the networks in a module, each as a whole."""
    if isinstance(module, Method | Denoiser | nn.ModuleDict | nn.ModuleList):  # these hold networks
        return [network for child in module.children() for network in networks_of(child)]
    return [module] if next(module.parameters(), None) is not None else []


def _compiles(network: nn.Module) -> bool:
    """Whether a network can be compiled.

    Not with spectral norm, whose power iteration overwrites what the backward of a compiled pass still needs, nor with
    random layers.
    """
    return not any(is_parametrized(module) or isinstance(module, RandomLayer) for module in network.modules())


@contextmanager
def mixed_precision(networks: Sequence[nn.Module], device_type: str) -> Iterator[None]:
    """Within the block these networks compute in bfloat16 where that is safe, and return float32.

    Computations between networks stay as they are: a loss would lose its precision in bfloat16. Nothing of this remains
    after the block, so copies, saved states and previews are not affected.
    """
    for network in networks:
        vars(network)["forward"] = _in_bfloat16(network.forward, device_type)  # hides the method of the class
    try:
        yield
    finally:
        for network in networks:
            del vars(network)["forward"]


def _in_bfloat16(forward: Callable[..., Any], device_type: str) -> Callable[..., Any]:
    @wraps(forward)
    def cast(*arguments: Any) -> Any:
        with torch.autocast(device_type, torch.bfloat16):
            result = forward(*arguments)
            return result.float() if isinstance(result, Tensor) else tuple(each.float() for each in result)

    return cast


@contextmanager
def _tried_out() -> Iterator[None]:
    """Within the block cuDNN tries which algorithm is fastest for each convolution: all patches have one size."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = True
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def _check_compiler(device: torch.device) -> None:
    """Compile a small function, to find out whether a compiler works here."""
    try:
        torch.compile(torch.sin, backend=BACKEND)(torch.zeros(2, device=device))
    except Exception as problem:  # torch raises many kinds for a compiler that is missing or does not work
        reason = str(problem).strip().splitlines()[0]
        needed = "a C++ compiler" if device.type == "cpu" else "Triton and a C compiler"
        raise InputError(f"--compile needs {needed} here ({reason}): install it, or omit --compile") from None
