"""The kernels against torch alone, which is their reference."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn.functional import leaky_relu

from pellucid.norms import NORMS, FeatureNorm, norm
from pellucid.ops import kernels, plain

pytestmark = pytest.mark.skipif(
    not (kernels.built() and kernels.wanted()), reason="the kernels were not built, or are switched off"
)

FEATURE_NORMS = [name for name in NORMS if isinstance(norm(name).layer(32, 0.2), FeatureNorm)]
SIZES = st.tuples(st.integers(1, 4), st.sampled_from([1, 5, 16, 17, 32, 48]), st.integers(1, 40), st.integers(1, 40))


def maps(size, seed=0, crop=False):
    """Channels last, neither centred nor scaled; a crop of larger maps if asked for."""
    n, c, h, w = size
    x = torch.randn((n, c, h + crop, w + crop), generator=torch.Generator().manual_seed(seed))
    x = (3 * x + 2).contiguous(memory_format=torch.channels_last)
    return x[:, :, :h, :w] if crop else x


@given(SIZES, st.booleans())
def test_moments(size, crop):
    x = maps(size, crop=crop)
    assert kernels.fit(x)
    mean, var = kernels.measure(x)
    torch.testing.assert_close(mean, x.double().mean((2, 3)).float(), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(var, x.double().var((2, 3), correction=0).float(), rtol=1e-5, atol=1e-6)


def test_moments_of_bright_flat_maps():
    x = maps((2, 32, 64, 64)) / 100 + 1e4
    exact = x.double().var((2, 3), correction=0)
    torch.testing.assert_close(kernels.measure(x)[1].double(), exact, rtol=1e-2, atol=0)  # the mean is rounded


@given(SIZES, st.booleans(), st.booleans(), st.sampled_from([0.2, 1.0, 0.0]))
def test_affine_and_its_gradient(size, crop, each, slope):
    x, grad = maps(size, crop=crop), maps(size, seed=1)
    assert kernels.fit(x)
    x = x.clone(memory_format=torch.preserve_format).requires_grad_()
    scale, shift = (torch.randn((size[0] if each else 1, size[1]), requires_grad=True) for _ in range(2))
    expected = leaky_relu(x * scale[:, :, None, None] + shift[:, :, None, None], slope)
    torch.testing.assert_close(kernels.apply(x, scale, shift, slope), expected, rtol=1e-5, atol=1e-5)

    at = x.detach(), scale.detach(), shift.detach(), slope
    offset, slant = torch.randn(2, *size[:2])
    expected_x, *expected_constants = torch.autograd.grad(expected, (x, scale, shift), grad)
    sums = (got.sum_to_size(scale.shape) for got in kernels.sum_gradients(grad, *at))
    pixels = size[2] * size[3]
    for got, wanted in zip(sums, expected_constants, strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-4, atol=1e-5 * pixels)
    through_moments = offset[:, :, None, None] + slant[:, :, None, None] * x.detach()
    got = kernels.gradient(grad, *at, (offset, slant))
    torch.testing.assert_close(got, expected_x + through_moments, rtol=1e-5, atol=1e-4)


def test_scale_for_each_image_and_one_shift_for_all():
    x, scale, shift = maps((3, 16, 4, 4)), torch.randn(3, 16), torch.randn(1, 16)
    expected = leaky_relu(x * scale[:, :, None, None] + shift[:, :, None, None], 0.2)
    torch.testing.assert_close(kernels.apply(x, scale, shift, 0.2), expected)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", FEATURE_NORMS)
def test_every_norm_forward_and_backward(name, training):
    layer = norm(name).layer(32, 0.2).train(training)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.3 * torch.randn_like(parameter))
    x, grad = maps((3, 32, 9, 11)).requires_grad_(), maps((3, 32, 9, 11), seed=1)
    wanted = [x, *(parameter for parameter in layer.parameters() if parameter.requires_grad)]
    state = {key: value.clone() for key, value in layer.state_dict().items()}
    results = []
    for way in (layer, lambda x: plainly(layer, x)):
        layer.load_state_dict(state)
        y = way(x)
        results.append((y, torch.autograd.grad(y, wanted, grad, allow_unused=True, materialize_grads=True)))
        results[-1] += ({key: value.clone() for key, value in layer.state_dict().items()},)
    torch.testing.assert_close(*results, rtol=1e-4, atol=1e-3)


def plainly(layer, x):
    with plain():
        return layer(x)


def test_the_fused_way_is_taken():
    layer, x = norm("instance").layer(16, 0.2), maps((2, 16, 8, 8)).requires_grad_()
    assert type(layer(x).grad_fn).__name__ == "_NormaliseBackward"
    assert type(plainly(layer, x).grad_fn).__name__ != "_NormaliseBackward"


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(2, 16, 8, 8),
        maps((2, 16, 8, 8)).double(),
        maps((2, 16, 8, 8)).bfloat16(),
    ],
    ids=["channels first", "float64", "bfloat16"],
)
def test_other_maps_are_left_to_torch(x):
    assert not kernels.fit(x)
    assert norm("switchable").layer(16, 0.2)(x).shape == x.shape


def test_the_number_of_threads_changes_no_bit():
    x, before = maps((3, 32, 33, 31)), torch.get_num_threads()
    found = []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(kernels.measure(x) + kernels.sum_gradients(x, x, *torch.ones(2, 3, 32), 0.2))
    finally:
        torch.set_num_threads(before)
    assert all(torch.equal(a, b) for other in found[1:] for a, b in zip(found[0], other, strict=True))


def test_gradients_twice_are_refused_but_within_plain():
    layer, x = norm("instance").layer(16, 0.2), maps((2, 16, 8, 8)).requires_grad_()
    (first,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
    with plain():
        (first,) = torch.autograd.grad(layer(x).square().sum(), x, create_graph=True)
        first.square().sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0


def test_the_graph_may_be_gone_through_twice():
    layer, x = norm("switchable").layer(16, 0.2), maps((2, 16, 8, 8)).requires_grad_()
    total = layer(x).square().sum()
    first = torch.autograd.grad(total, x, retain_graph=True)
    torch.testing.assert_close(torch.autograd.grad(total, x), first)


def test_the_environment_switches_them_off():
    code = "from pellucid.ops import kernels; print(kernels.built(), kernels.wanted())"
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PELLUCID_PLAIN": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout.split() == ["True", "False"]
