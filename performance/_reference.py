"""A training step of ISCL in plain PyTorch, as one would write it from the paper, to compare ours with.

Layers are torch's own wherever it has them, each norm is a layer between a convolution and a leaky ReLU, and each of
the three updates computes all that it needs: 21 passes through the networks, none shared. Networks, losses, flags and
the order of things are those of `pellucid.methods.iscl`, of which nothing is used here but the recipe's numbers.

It needs batches of two or more: for a single image in channels-last, torch 2.13 gives wrong gradients of
`InstanceNorm2d`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn
from torch.nn.functional import l1_loss, relu
from torch.nn.utils.parametrizations import spectral_norm

if TYPE_CHECKING:
    from pellucid.methods.iscl import IsclRecipe

SLOPE = 0.2


class Switchable(nn.Module):
    """Switchable norm; layer and batch statistics from those of the single maps, as in its authors' code."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.mean_weight, self.var_weight = nn.Parameter(torch.ones(3)), nn.Parameter(torch.ones(3))
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))
        self.eps, self.momentum = 1e-5, 0.01

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        mean_in = x.mean((2, 3), keepdim=True)
        var_in = x.var((2, 3), correction=0, keepdim=True)
        square = var_in + mean_in**2
        mean_ln = mean_in.mean(1, keepdim=True)
        var_ln = square.mean(1, keepdim=True) - mean_ln**2
        if self.training:
            mean_bn = mean_in.mean(0, keepdim=True)
            var_bn = square.mean(0, keepdim=True) - mean_bn**2
            self.running_mean.lerp_(mean_bn.detach().flatten(), self.momentum)
            self.running_var.lerp_(var_bn.detach().flatten(), self.momentum)
        else:
            mean_bn, var_bn = self.running_mean[None, :, None, None], self.running_var[None, :, None, None]
        m, v = self.mean_weight.softmax(0), self.var_weight.softmax(0)
        mean = m[0] * mean_in + m[1] * mean_ln + m[2] * mean_bn
        var = v[0] * var_in + v[1] * var_ln + v[2] * var_bn
        x = (x - mean) / (var + self.eps).sqrt()
        return x * self.weight[:, None, None] + self.bias[:, None, None]


class BatchInstance(nn.Module):
    """ρ·batch norm + (1 − ρ)·instance norm, both by the statistics of the batch at hand."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight, self.bias = nn.Parameter(torch.ones(channels)), nn.Parameter(torch.zeros(channels))
        self.rho = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        rho = self.rho[:, None, None]
        x = rho * standardised(x, (0, 2, 3)) + (1 - rho) * standardised(x, (2, 3))
        return x * self.weight[:, None, None] + self.bias[:, None, None]


def standardised(x: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Mean 0 and variance 1 over these dimensions; torch's instance norm refuses maps of one pixel."""
    var, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    return (x - mean) / (var + 1e-7).sqrt()


NORMS: dict[str, Callable[[int], nn.Module]] = {
    "instance": lambda channels: nn.InstanceNorm2d(channels, eps=1e-7, affine=True),
    "layer": lambda channels: nn.GroupNorm(1, channels),
    "group": lambda channels: nn.GroupNorm(max(1, channels // 32), channels),
    "batch": lambda channels: nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01),
    "batch-instance": BatchInstance,
    "switchable": Switchable,
}


class Mirror(nn.Module):
    """Pads by mirroring, the border pixel included: three pixels, which torch's padding layers cannot."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H + 6, W + 6)."""
        for dim in (2, 3):
            x = torch.cat((x.narrow(dim, 0, 3).flip(dim), x, x.narrow(dim, x.shape[dim] - 3, 3).flip(dim)), dim)
        return x


class Crop(nn.Module):
    """Drops the last row and column."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H − 1, W − 1)."""
        return x[:, :, :-1, :-1]


class Residual(nn.Sequential):
    """Layers around a shortcut."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> the same."""
        result: Tensor = x + super().forward(x)  # type: ignore[no-untyped-call]
        return result


def normalised(channels: int, norm: str) -> list[nn.Module]:
    """The norm, if it is one of features."""
    return [NORMS[norm](channels)] if norm in NORMS else []


def activated(channels: int, norm: str) -> list[nn.Module]:
    """The norm and leaky ReLU."""
    return [*normalised(channels, norm), nn.LeakyReLU(SLOPE)]


def generator(width: int, norm: str) -> nn.Sequential:
    """F or G."""
    w = width

    def residual() -> Residual:
        one, other = (nn.Conv2d(4 * w, 4 * w, 3) for _ in range(2))
        pads = nn.ReplicationPad2d(1), nn.ReplicationPad2d(1)
        return Residual(pads[0], one, *activated(4 * w, norm), pads[1], other, *normalised(4 * w, norm))

    return nn.Sequential(
        *(Mirror(), nn.Conv2d(1, w, 7), *activated(w, norm)),
        *(nn.ReplicationPad2d(1), nn.Conv2d(w, 2 * w, 4, 2), *activated(2 * w, norm)),
        *(nn.ReplicationPad2d(1), nn.Conv2d(2 * w, 4 * w, 4, 2), *activated(4 * w, norm)),
        *(residual() for _ in range(3)),
        *(nn.ConvTranspose2d(4 * w, 2 * w, 3, 2), Crop(), *activated(2 * w, norm)),
        *(nn.ConvTranspose2d(2 * w, w, 3, 2), Crop(), *activated(w, norm)),
        *(Mirror(), nn.Conv2d(w, 1, 7), nn.Tanh()),
    )


def extractor(width: int, norm: str) -> nn.Sequential:
    """H."""
    middle = [layer for _ in range(18) for layer in (nn.Conv2d(width, width, 3, padding=1), *activated(width, norm))]
    first, last = nn.Conv2d(1, width, 3, padding=1), nn.Conv2d(width, 1, 3, padding=1)
    return nn.Sequential(first, nn.LeakyReLU(SLOPE), *middle, last)


def discriminator(width: int, norm: str) -> nn.Sequential:
    """D_X or D_Y."""
    w = width
    layers = nn.Sequential(
        *(nn.Conv2d(1, w, 4, 2, 1), nn.LeakyReLU(SLOPE)),
        *(nn.Conv2d(w, 2 * w, 4, 2, 1), *activated(2 * w, norm)),
        *(nn.Conv2d(2 * w, 4 * w, 4, 2, 1), *activated(4 * w, norm)),
        *(nn.Conv2d(4 * w, 8 * w, 4, 2, 1), *activated(8 * w, norm)),
        *(nn.Conv2d(8 * w, 16 * w, 4), *activated(16 * w, norm)),
        nn.Conv2d(16 * w, 1, 1),
    )
    if norm == "spectral":
        for layer in layers:
            if isinstance(layer, nn.Conv2d):
                spectral_norm(layer)
    return layers


class Lookahead:
    """Every sixth step half-way back to the weights of six steps before."""

    def __init__(self, parameters: Iterable[Tensor]) -> None:
        self.fast = list(parameters)
        self.slow = [weight.detach().clone() for weight in self.fast]

    @torch.no_grad()
    def step(self, number: int) -> None:
        """After step `number`, counted from 1."""
        if number % 6 == 0:
            for fast, slow in zip(self.fast, self.slow, strict=True):
                slow += 0.5 * (fast - slow)
                fast.copy_(slow)


class PlainIscl:
    """Five networks and three updates."""

    def __init__(self, recipe: IsclRecipe, device: str = "cpu") -> None:
        self.recipe = recipe
        self.F, self.G = (generator(recipe.width, recipe.generator) for _ in range(2))
        self.H = extractor(recipe.width, recipe.extractor)
        self.D_X, self.D_Y = (discriminator(recipe.width, recipe.discriminator) for _ in range(2))
        self.networks = nn.ModuleList([self.F, self.G, self.H, self.D_X, self.D_Y])
        self.networks.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        for module in self.networks.modules():
            if isinstance(module, Switchable | nn.BatchNorm2d) and module.momentum:
                module.momentum = min(1.0, recipe.running_rate * module.momentum)
        self.roles = {"D": [self.D_X, self.D_Y], "G": [self.F, self.G], "E": [self.H]}
        self.factors = {"D": recipe.discriminator_rate, "G": 1.0, "E": recipe.extractor_rate}
        self.adams = {role: torch.optim.RAdam(self.parameters(role), eps=1e-7) for role in self.roles}
        self.lookaheads = {role: Lookahead(self.parameters(role)) for role in ("D", "E")}

    def parameters(self, role: str) -> list[nn.Parameter]:
        """What an update changes."""
        return [weight for network in self.roles[role] for weight in network.parameters()]

    def step(self, batch: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
        """Learn from one batch; `number` counts steps from 1."""
        x, y = batch["noisy"], batch["clean"]
        found: dict[str, Tensor] = {}
        updates = {"D": self.discriminator_losses, "G": self.generator_losses, "E": self.extractor_losses}
        for role, losses in updates.items():
            self.networks.eval().requires_grad_(False)
            for network in self.roles[role]:
                network.train().requires_grad_(True)
            total, parts = losses(x, y)
            found |= parts
            self.update(role, total, number)
        return {name: loss.detach() for name, loss in found.items()}

    def discriminator_losses(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """L_D."""
        with torch.no_grad():
            clean_fake, noisy_fake, noise = self.F(x), self.G(y), self.H(x)
        d_noisy = relu(1 - self.D_X(x)).mean() + relu(self.D_X(noisy_fake)).mean()
        d_clean = relu(1 - self.D_Y(y)).mean() + relu(self.D_Y(clean_fake)).mean()
        boosting = relu(self.D_X(y + noise)).mean() + relu(self.D_Y(x - noise)).mean()
        return d_noisy + d_clean + boosting, {"d_noisy": d_noisy, "d_clean": d_clean, "boosting": boosting}

    def generator_losses(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """L_G."""
        with torch.no_grad():
            noise = self.H(x)
        clean_fake, noisy_fake = self.F(x), self.G(y)
        g_noisy, g_clean = -self.D_X(noisy_fake).mean(), -self.D_Y(clean_fake).mean()
        cycle = l1_loss(self.G(clean_fake), x) + l1_loss(self.F(noisy_fake), y)
        bypass = l1_loss(clean_fake, x - noise) + l1_loss(self.F(y + noise), y)
        total = g_noisy + g_clean + self.recipe.lambda_ * (cycle + bypass)
        return total, {"g_noisy": g_noisy, "g_clean": g_clean, "cycle": cycle, "bypass": bypass}

    def extractor_losses(self, x: Tensor, y: Tensor) -> tuple[Tensor, dict[str, Tensor]]:
        """L_H."""
        with torch.no_grad():
            clean_fake, noisy_fake = self.F(x), self.G(y)
        pseudo_noise = l1_loss(self.H(x), x - clean_fake)
        consistency = l1_loss(self.H(noisy_fake), noisy_fake - y)
        return pseudo_noise + consistency, {"pseudo_noise": pseudo_noise, "noise_consistency": consistency}

    def update(self, role: str, loss: Tensor, number: int) -> None:
        """One step of an optimiser."""
        recipe, adam = self.recipe, self.adams[role]
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        fall = (recipe.final_learning_rate - recipe.learning_rate) * min(number, recipe.steps) / recipe.steps
        for group in adam.param_groups:
            group["lr"] = self.factors[role] * (recipe.learning_rate + fall)
        adam.step()
        if role in self.lookaheads:
            self.lookaheads[role].step(number)
        for network in self.roles[role]:
            for norm in network.modules():
                if isinstance(norm, BatchInstance):
                    norm.rho.data.clamp_(0, 1)
