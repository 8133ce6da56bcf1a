"""The feature norms as formulas: from instance moments to (scale, shift).

Each class is one row of the table in `docs/architecture.md`. γ and β are per channel and start at 1 and 0.
Variances are biased. `x̂ = (x − mean)/√(var + ε)` is written as `scale·x + shift` by `standardise`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from functools import partial

import torch
from torch import Tensor, nn

from pellucid.errors import InputError
from pellucid.norms.affine import affine_leaky_relu
from pellucid.norms.moments import Moments, measure, pool
from pellucid.norms.synchronised import of_whole_batch
from pellucid.ops import kernels
from pellucid.ops.fused_norm import normalise

Source = Callable[[Tensor], Moments]
"""What gives the moments of maps (N, C, H, W)."""

given_sources: ContextVar[Mapping[FeatureNorm, Source]] = ContextVar("sources of moments", default={})  # noqa: B039
"""Where the moments of a norm come from in this thread if it does not measure (`pellucid.norms.frozen`)."""


def standardise(mean: Tensor, var: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Scale and shift that bring a map of this mean and variance to 0 and 1."""
    scale = (var + eps).rsqrt()
    return scale, -mean * scale


class FeatureNorm(nn.Module):
    """Measure, compute (scale, shift), apply together with leaky ReLU.

    Args:
        channels: C of the maps (N, C, H, W).
        slope: negative slope of the leaky ReLU that follows; 1 for none.
        eps: ε under the square root.
    """

    eps = 1e-5
    follows_mode = False
    """Whether training and evaluation mode give different results."""

    local_statistics = False
    """Whether batch moments are those of this process's samples, not those of the whole batch."""

    def __init__(self, channels: int, slope: float = 0.2, eps: float | None = None) -> None:
        super().__init__()
        self.channels = channels
        self.slope = slope
        self.eps = self.eps if eps is None else eps
        self.gamma: Tensor | float = nn.Parameter(torch.ones(channels))
        self.beta: Tensor | float = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise and activate (N, C, H, W)."""
        if self._source() is measure and torch.is_grad_enabled() and kernels.fit(x):
            parameters = [parameter for parameter in self.parameters() if parameter.requires_grad]
            return normalise(x, partial(self._constants_of, pixels=x.shape[2] * x.shape[3]), parameters, self.slope)
        scale, shift = self.constants(self.moments_of(x))
        return affine_leaky_relu(x, scale, shift, self.slope)

    def moments_of(self, x: Tensor) -> Moments:
        """Moments of (N, C, H, W): measured here, or handed in (`pellucid.norms.frozen`)."""
        return self._source()(x)

    def _source(self) -> Source:
        if torch.compiler.is_compiling():  # the compiler cannot read a context; compiled networks only train
            return measure
        return given_sources.get().get(self, measure)

    def _constants_of(self, mean: Tensor, var: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
        return self.constants(Moments(mean, var, pixels))

    def constants(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Scale and shift, each (N, C) or (1, C), that these moments (N, C) lead to, γ and β included."""
        scale, shift = self.affine(moments)
        return self.gamma * scale, self.gamma * shift + self.beta

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Scale and shift, each (N, C) or (1, C), from moments (N, C), before γ and β."""
        raise NotImplementedError

    def _of_batch(self, moments: Moments) -> Moments:
        return moments if self.local_statistics else of_whole_batch(moments)

    def constrain(self) -> None:
        """Put parameters back into their allowed range; called after each optimiser step."""


class Instance(FeatureNorm):
    """Instance norm (Ulyanov et al. 2016): each map by its own moments. ε as ISCL's other layers."""

    eps = 1e-7

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """y = (x − μ_nc)/√(σ²_nc + ε)."""
        return standardise(moments.mean, moments.var, self.eps)


class PlainInstance(Instance):
    """Instance norm without γ and β, as the published ISCL class."""

    def __init__(self, channels: int, slope: float = 0.2, eps: float | None = None) -> None:
        super().__init__(channels, slope, eps)
        del self.gamma, self.beta
        self.gamma, self.beta = 1.0, 0.0


class TorchInstance(PlainInstance):
    """Instance norm with torch's defaults: no γ and β, ε 1e-5."""

    eps = 1e-5


class Layer(FeatureNorm):
    """Layer norm (Ba et al. 2016) over C, H and W of one image, as KCGS eqs. (10)-(12)."""

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Moments of an image: those of its maps, pooled over c."""
        mean, var = pool(moments.mean, moments.var, 1)
        scale, shift = standardise(mean, var, self.eps)
        return scale.expand_as(moments.mean), shift.expand_as(moments.mean)


class Group(FeatureNorm):
    """Group norm (Wu & He 2018) with 32 channels *per group* (KCGS eqs. (15)-(17)); fewer channels form one group."""

    channels_per_group = 32

    def __init__(self, channels: int, slope: float = 0.2, eps: float | None = None) -> None:
        super().__init__(channels, slope, eps)
        self.groups = max(1, channels // self.channels_per_group)
        if self.groups * self.channels_per_group != channels > self.channels_per_group:
            raise InputError(
                f"group norm puts {self.channels_per_group} channels in a group, and {channels} is not a multiple of "
                "that: choose a width that is a power of two, or a multiple of 32"
            )

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Moments of a group: those of its maps, pooled."""
        mean, var = (m.reshape(m.shape[0], self.groups, -1) for m in (moments.mean, moments.var))
        scale, shift = standardise(*pool(mean, var, 2), self.eps)
        return scale.expand_as(mean).flatten(1), shift.expand_as(mean).flatten(1)


class RunningNorm(FeatureNorm):
    """A norm that keeps running batch moments for use in evaluation mode."""

    follows_mode = True
    momentum = 0.01
    """Weight of the newest value: Keras' 0.99 on the old one."""
    keeps_unbiased = False
    """Whether the running variance is unbiased: divided by count − 1."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int, slope: float = 0.2, eps: float | None = None) -> None:
        super().__init__(channels, slope, eps)
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def batch_moments(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Mean and variance (1, C): of this batch in training mode, the running ones in evaluation mode."""
        if not self.training:
            return self.running_mean[None], self.running_var[None]
        moments = self._of_batch(moments)
        mean, var = pool(moments.mean, moments.var, 0)
        count = moments.mean.shape[0] * moments.pixels
        unbias = count / max(count - 1, 1) if self.keeps_unbiased else 1.0
        with torch.no_grad():
            self.running_mean.lerp_(mean[0].to(self.running_mean), self.momentum)
            self.running_var.lerp_(unbias * var[0].to(self.running_var), self.momentum)
        return mean, var


class Batch(RunningNorm):
    """Batch norm (Ioffe & Szegedy 2015): batch moments in training, running ones in evaluation, as Keras' layer."""

    eps = 1e-3
    keeps_unbiased = True

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """y = (x − μ_c)/√(σ²_c + ε)."""
        return standardise(*self.batch_moments(moments), self.eps)


class TorchBatch(Batch):
    """Batch norm with torch's defaults: ε 1e-5, momentum 0.1."""

    eps = 1e-5
    momentum = 0.1


class BatchInstance(FeatureNorm):
    """Batch-instance norm (Nam & Kim 2018) as in ISCL: the statistics of the batch at test time too.

    With one image in the batch both branches agree and ρ drops out: it is instance norm with γ, β.
    """

    eps = 1e-7

    def __init__(self, channels: int, slope: float = 0.2, eps: float | None = None) -> None:
        super().__init__(channels, slope, eps)
        self.rho = nn.Parameter(torch.ones(channels))

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """y = ρ_c·x̂_batch + (1 − ρ_c)·x̂_instance."""
        batch = standardise(*self.batch_moments(moments), self.eps)
        instance = standardise(moments.mean, moments.var, self.eps)
        return torch.lerp(instance[0], batch[0], self.rho), torch.lerp(instance[1], batch[1], self.rho)

    def batch_moments(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """Mean and variance (1, C) of this batch, in either mode."""
        moments = self._of_batch(moments)
        return pool(moments.mean, moments.var, 0)

    def constrain(self) -> None:
        """ρ stays in [0, 1]."""
        with torch.no_grad():
            self.rho.clamp_(0, 1)


class RunningBatchInstance(RunningNorm, BatchInstance):
    """Batch-instance norm as its authors published it: running values at test time, ε 1e-5, momentum 0.1."""

    eps = 1e-5
    momentum = 0.1
    keeps_unbiased = True


class Switchable(RunningNorm):
    """Switchable norm (Luo et al. 2019), KCGS eqs. (13)-(14): learned mixture of instance, layer and batch moments.

    Biased variance, ε 1e-5 and momentum 0.99 on the old value as in the ISCL class. The six weights are trained here;
    in the published class they are constants (`FrozenSwitchable`).
    """

    def __init__(self, channels: int, slope: float = 0.2, eps: float | None = None) -> None:
        super().__init__(channels, slope, eps)
        self.mean_logits = nn.Parameter(torch.ones(3))
        self.var_logits = nn.Parameter(torch.ones(3))

    def affine(self, moments: Moments) -> tuple[Tensor, Tensor]:
        """μ = Σ w_z μ_z, σ² = Σ w'_z σ²_z over z ∈ {instance, layer, batch}."""
        layer_mean, layer_var = pool(moments.mean, moments.var, 1)
        batch_mean, batch_var = self.batch_moments(moments)
        mean = _mix(self.mean_logits, moments.mean, layer_mean, batch_mean)
        var = _mix(self.var_logits, moments.var, layer_var, batch_var)
        return standardise(mean, var, self.eps)


class FrozenSwitchable(Switchable):
    """Switchable norm with its six weights fixed at 1/3, as the released ISCL class behaves."""

    def __init__(self, channels: int, slope: float = 0.2, eps: float | None = None) -> None:
        super().__init__(channels, slope, eps)
        self.mean_logits.requires_grad_(False)
        self.var_logits.requires_grad_(False)


def _mix(logits: Tensor, instance: Tensor, layer: Tensor, batch: Tensor) -> Tensor:
    weights = logits.softmax(0)
    return weights[0] * instance + weights[1] * layer + weights[2] * batch
