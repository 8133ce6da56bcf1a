from __future__ import annotations

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrizations

from pellucid.norms import SpectralNorm, SpectralProjection, norm, spectral

CONVS = {
    "conv": lambda: nn.Conv2d(8, 24, 4, stride=2, padding=1),
    "wide": lambda: nn.Conv2d(32, 1, 1),
    "transposed": lambda: nn.ConvTranspose2d(24, 8, 3, stride=2),
}
kinds = pytest.mark.parametrize("kind", CONVS)


def matrix(conv):
    """The weight that the convolution uses, as (C_out, rest)."""
    weight = conv.weight.detach()
    return (weight.movedim(1, 0) if isinstance(conv, nn.ConvTranspose2d) else weight).flatten(1)


def largest_singular_value(conv):
    return float(torch.linalg.matrix_norm(matrix(conv), 2))


def image(conv):
    return torch.randn(2, conv.in_channels, 8, 8)


@kinds
@pytest.mark.parametrize("parametrisation", [SpectralNorm, SpectralProjection])
def test_largest_singular_value_is_one_after_some_forwards(kind, parametrisation):
    plain = CONVS[kind]()
    plain.weight.data *= 7
    conv = spectral(plain, parametrisation)
    for _ in range(50):
        conv(image(conv))
    assert largest_singular_value(conv.eval()) == pytest.approx(1, abs=0.01)


@kinds
def test_evaluation_leaves_the_vectors(kind):
    conv = spectral(CONVS[kind]())
    parametrisation = conv.parametrizations.weight[0]
    before = parametrisation.u.clone(), parametrisation.v.clone()
    conv.eval()(image(conv))
    assert torch.equal(parametrisation.u, before[0])
    assert torch.equal(parametrisation.v, before[1])
    conv.train()(image(conv))
    if kind != "wide":  # a matrix of one row needs no iteration
        assert not torch.equal(parametrisation.v, before[1])


@kinds
def test_equals_torch_given_the_same_vectors(kind):
    plain = CONVS[kind]()
    ours = spectral(copy.deepcopy(plain)).eval()
    theirs = parametrizations.spectral_norm(plain).eval()
    theirs.parametrizations.weight[0]._u.copy_(ours.parametrizations.weight[0].u)
    theirs.parametrizations.weight[0]._v.copy_(ours.parametrizations.weight[0].v)
    x = image(ours)
    torch.testing.assert_close(ours(x), theirs(x))
    weights = torch.randn_like(ours(x))
    for conv in (ours, theirs):
        (conv(x) * weights).sum().backward()
    gradients = [conv.parametrizations.weight.original.grad for conv in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-5, atol=1e-5)


@kinds
def test_training_iterates_once_and_holds_the_vectors_constant(kind):
    conv = spectral(CONVS[kind]().double())
    raw = conv.parametrizations.weight.original.detach().clone().requires_grad_()
    flat = (raw.movedim(1, 0) if kind == "transposed" else raw).flatten(1)
    with torch.no_grad():
        v = nn.functional.normalize(flat.T @ conv.parametrizations.weight[0].u, dim=0)
        u = nn.functional.normalize(flat @ v, dim=0)
    expected = raw / (u @ flat @ v)
    weight = conv.weight
    torch.testing.assert_close(weight, expected)
    weights = torch.randn_like(weight)
    (weight * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(conv.parametrizations.weight.original.grad, raw.grad)


def test_earlier_uses_keep_their_gradient_when_later_ones_iterate():
    conv = spectral(nn.Conv2d(2, 3, 3))
    first, second = conv.weight, conv.weight
    assert not torch.equal(first, second)
    (first.square().sum() + second.square().sum()).backward()
    assert conv.parametrizations.weight.original.grad.abs().sum() > 0


@kinds
def test_projection_overwrites_the_weight(kind):
    plain = CONVS[kind]()
    plain.weight.data *= 7
    conv = spectral(plain, SpectralProjection)
    for _ in range(50):
        conv(image(conv))
    raw = conv.parametrizations.weight.original
    torch.testing.assert_close(raw, conv.eval().weight, rtol=0, atol=0)
    assert largest_singular_value(conv) == pytest.approx(1, abs=0.01)
    before = raw.detach().clone()
    conv(image(conv))
    assert torch.equal(raw, before)  # evaluation projects nothing


def test_projection_has_no_gradient_through_sigma():
    conv = spectral(nn.Conv2d(2, 3, 3), SpectralProjection)
    weight = conv.weight
    weights = torch.randn_like(weight)
    (weight * weights).sum().backward()
    assert torch.equal(conv.parametrizations.weight.original.grad, weights)


def test_projection_keeps_the_gradient_of_several_uses_in_one_step():
    conv = spectral(nn.Conv2d(1, 4, 3), SpectralProjection)
    x = torch.randn(1, 1, 6, 6)
    (conv(x).sum() + conv(2 * x).sum()).backward()  # the second use overwrites what the first has used
    expected = nn.Conv2d(1, 4, 3)
    (expected(x).sum() + expected(2 * x).sum()).backward()
    torch.testing.assert_close(conv.parametrizations.weight.original.grad, expected.weight.grad)


def test_vectors_are_saved_with_the_weights():
    conv, other = spectral(nn.Conv2d(2, 3, 3)), spectral(nn.Conv2d(2, 3, 3))
    x = image(conv)
    conv(x)
    other.load_state_dict(conv.state_dict())
    assert torch.equal(conv.eval()(x), other.eval()(x))


@pytest.mark.parametrize("name", ["spectral", "spectral-project"])
def test_bias_is_untouched_and_mode_is_followed(name):
    conv = norm(name).conv(nn.Conv2d(2, 3, 3))
    bias = conv.bias.detach().clone()
    conv(image(conv))
    assert torch.equal(conv.bias, bias)
    assert [n for n, _ in conv.named_parameters()] == ["bias", "parametrizations.weight.original"]
