"""Norms with given moments, folded into the convolutions before them.

    scale·(W∗x + b) + shift = (scale·W)∗x + (scale·b + shift)

Then a norm costs no more than its leaky ReLU. Padding does no harm: scale and shift act on the output of a convolution,
not on its input. Rounding errors are as large as without folding, but not the same. Where maps are so flat that their
norm enlarges them a thousand times (an empty image), results may differ visibly from those of `freeze`.
"""

from __future__ import annotations

import operator
from collections.abc import Mapping

import torch
from torch import Tensor, fx, nn
from torch.nn.utils import parametrize

from pellucid.inference.network_graph import norm_calls, trace, uses
from pellucid.norms.affine import affine_leaky_relu
from pellucid.norms.feature import FeatureNorm
from pellucid.norms.frozen import feature_norms
from pellucid.norms.moments import Moments

Convolution = nn.Conv2d | nn.ConvTranspose2d


class Folding:
    """A network whose norms work with given moments: the result of `freeze`, but faster and permanent.

    Norms that no convolution can take in become a fixed scale and shift.

    Args:
        network: in evaluation mode, on its device. It is changed, and can run only after `use`; its weights are
            constants from now on.
    """

    def __init__(self, network: nn.Module) -> None:
        for module in list(network.modules()):
            if parametrize.is_parametrized(module):
                _fix_parameters(module)
        norms = feature_norms(network)
        folded = {path: _Folded(conv, norms[path]) for path, conv in foldable(network).items()}
        apart = {path: FixedNorm(norm) for path, norm in norms.items() if path not in folded}
        for path, norm in norms.items():
            _replace(network, norm, apart[path] if path in apart else _activation(norm))
        self._frozen: dict[str, _Folded | FixedNorm] = {**folded, **apart}

    def use(self, moments: Mapping[str, Moments]) -> None:
        """From now on the norms work with these moments.

        Args:
            moments: (1, C) each, by the path of the norm in the original network; of all norms that it calls.
        """
        for path, given in moments.items():
            self._frozen[path].use(given)


def foldable(network: nn.Module) -> dict[str, Convolution]:
    """The norms that a convolution can take in, by path, each with its convolution.

    The convolution feeds this norm alone, with all of its maps or a crop of them, and both are called once.
    """
    graph = trace(network)
    pairs: dict[str, Convolution] = {}
    for call in norm_calls(network, graph) if graph else ():
        maker = _maker(call)
        if maker is not None and maker.op == "call_module" and _is_used_once(maker) and _is_used_once(call):
            conv = network.get_submodule(str(maker.target))
            if isinstance(conv, nn.Conv2d) or (isinstance(conv, nn.ConvTranspose2d) and conv.groups == 1):
                pairs[str(call.target)] = conv
    return pairs


def _maker(taker: fx.Node) -> fx.Node | None:
    """The node whose output another one takes, cropped or not; None if something else takes it too."""
    maker = taker.all_input_nodes[0]
    if len(maker.users) > 1:
        return None
    return _maker(maker) if _is_crop(maker) else maker


def _is_crop(node: fx.Node) -> bool:
    """Whether a node takes some rows and columns of all maps: `x[:, :, rows, columns]`."""
    if node.target is not operator.getitem or not isinstance(index := node.args[1], tuple):
        return False
    return index[:2] == (slice(None),) * 2 and all(isinstance(part, slice) for part in index)


def _is_used_once(call: fx.Node) -> bool:
    return len(uses(call.graph, str(call.target))) == 1


class _Folded:
    """A convolution that has taken in a norm; its own weights are kept aside."""

    def __init__(self, conv: Convolution, norm: FeatureNorm) -> None:
        self._conv = conv
        self._norm = norm
        self._outputs = (-1, 1, 1, 1) if isinstance(conv, nn.Conv2d) else (1, -1, 1, 1)
        self._weight = conv.weight.detach()
        self._bias = self._weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias.detach()
        conv.weight = nn.Parameter(torch.empty_like(self._weight), requires_grad=False)
        conv.bias = nn.Parameter(torch.empty_like(self._bias), requires_grad=False)

    @torch.no_grad()
    def use(self, moments: Moments) -> None:
        """Write the joint weights of convolution and norm."""
        scale, shift = (constants[0] for constants in self._norm.constants(moments))
        self._conv.weight.copy_(scale.view(self._outputs) * self._weight)
        assert self._conv.bias is not None
        self._conv.bias.copy_(torch.addcmul(shift, scale, self._bias))


class FixedNorm(nn.Module):
    """A norm with given moments that no convolution can take in: the same scale and shift for every image."""

    def __init__(self, norm: FeatureNorm) -> None:
        super().__init__()
        self._constants_of = norm.constants  # a method, so that the norm is no part of the network any more
        self._slope = norm.slope

    @torch.no_grad()
    def use(self, moments: Moments) -> None:
        """From now on the norm works with these moments."""
        self._scale, self._shift = self._constants_of(moments)

    def forward(self, x: Tensor) -> Tensor:
        """Normalise and activate (N, C, H, W)."""
        return affine_leaky_relu(x, self._scale, self._shift, self._slope)


def _activation(norm: FeatureNorm) -> nn.Module:
    """The leaky ReLU of a norm, in place: nothing else uses its input."""
    return nn.Identity() if norm.slope == 1 else nn.LeakyReLU(norm.slope, inplace=True)


def _replace(network: nn.Module, norm: FeatureNorm, module: nn.Module) -> None:
    """Replace a norm by a module at all paths where it is registered."""
    for path, registered in list(network.named_modules(remove_duplicate=False)):
        if registered is norm:
            network.set_submodule(path, module)


def _fix_parameters(module: nn.Module) -> None:
    """Replace parametrised parameters by their present values.

    By hand, because copies of a module share a class, and torch's own function removes the weight from that class.
    """
    assert isinstance(module.parametrizations, nn.ModuleDict)
    values = {name: getattr(module, name).detach().clone() for name in module.parametrizations}
    module.__class__ = parametrize.type_before_parametrizations(module)
    del module.parametrizations
    for name, value in values.items():
        setattr(module, name, nn.Parameter(value, requires_grad=False))
