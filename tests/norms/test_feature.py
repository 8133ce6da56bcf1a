"""The norms against torch's own, and their derivatives."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call
from torch.nn.functional import leaky_relu

from pellucid.norms import NORMS, FeatureNorm, feature, norm

CHANNELS = 64
FEATURE_NORMS = [name for name, entry in NORMS.items() if isinstance(entry.layer(CHANNELS, 0.2), FeatureNorm)]
TORCH = {
    "batch": lambda: nn.BatchNorm2d(CHANNELS, eps=1e-3, momentum=0.01),
    "instance": lambda: nn.InstanceNorm2d(CHANNELS, eps=1e-7, affine=True),
    "instance-plain": lambda: nn.InstanceNorm2d(CHANNELS, eps=1e-7),
    "layer": lambda: nn.GroupNorm(1, CHANNELS, eps=1e-5),
    "group": lambda: nn.GroupNorm(CHANNELS // 32, CHANNELS, eps=1e-5),
}


def features(images=3, channels=CHANNELS, dtype=torch.float32):
    """Maps that differ in brightness and contrast."""
    offsets, contrasts = torch.randn(images, channels, 1, 1), 0.5 + torch.rand(images, channels, 1, 1)
    return (offsets + contrasts * torch.randn(images, channels, 6, 9)).to(dtype)


def pair(name):
    """Our norm and torch's, with the same γ and β."""
    ours, theirs = norm(name).layer(CHANNELS, 0.2), TORCH[name]()
    if theirs.weight is not None:
        with torch.no_grad():
            ours.gamma.copy_(theirs.weight.normal_())
            ours.beta.copy_(theirs.bias.normal_())
    return ours, theirs


def compare(ours, theirs, x):
    mine, yours = x.clone().requires_grad_(), x.clone().requires_grad_()
    output, expected = ours(mine), leaky_relu(theirs(yours), 0.2)
    torch.testing.assert_close(output, expected, rtol=1e-5, atol=1e-5)
    weights = torch.randn_like(output)
    (output * weights).sum().backward()
    (expected * weights).sum().backward()
    torch.testing.assert_close(mine.grad, yours.grad, rtol=1e-5, atol=1e-5)
    if theirs.weight is not None:
        torch.testing.assert_close(ours.gamma.grad, theirs.weight.grad, rtol=1e-5, atol=1e-4)
        torch.testing.assert_close(ours.beta.grad, theirs.bias.grad, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", TORCH)
def test_value_and_gradients_equal_torch(name, training):
    ours, theirs = pair(name)
    compare(ours.train(training), theirs.train(training), features())


def test_batch_norm_remembers_what_torch_remembers():
    ours, theirs = pair("batch")
    for _ in range(5):
        x = features()
        ours(x), theirs(x)
    torch.testing.assert_close(ours.running_mean, theirs.running_mean, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(ours.running_var, theirs.running_var, rtol=1e-5, atol=1e-6)
    compare(ours.eval(), theirs.eval(), features())


def test_batch_norm_remembers_the_unbiased_variance():
    ours, x = feature.Batch(2), torch.randn(1, 2, 2, 1)
    ours(x)
    torch.testing.assert_close(ours.running_var, 0.99 + 0.01 * x.var((0, 2, 3), correction=1))


def test_evaluation_changes_no_running_value():
    for layer in (feature.Batch(2), feature.Switchable(2), feature.RunningBatchInstance(2)):
        before = {name: value.clone() for name, value in layer.state_dict().items()}
        layer.eval()(features(channels=2))
        torch.testing.assert_close(layer.state_dict(), before, rtol=0, atol=0)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("name", FEATURE_NORMS)
def test_first_and_second_derivative(name, training, monkeypatch):
    monkeypatch.setattr(feature.Group, "channels_per_group", 2)
    layer = norm(name).layer(4, 0.2).double().train(training)
    names = [name for name, value in layer.named_parameters() if value.requires_grad]
    values = [torch.rand_like(layer.get_parameter(name)).requires_grad_() for name in names]
    x = features(2, 4, torch.float64)[:, :, :2, :3].clone().requires_grad_()

    def apply(x, *parameters):
        return functional_call(layer, dict(zip(names, parameters, strict=True)), (x,))

    assert gradcheck(apply, (x, *values))
    assert gradgradcheck(apply, (x, *values), fast_mode=True)


@pytest.mark.parametrize("name", FEATURE_NORMS)
def test_half_precision_loses_only_the_rounding_of_in_and_output(name):
    layer, x = norm(name).layer(CHANNELS, 0.2), features(dtype=torch.bfloat16)
    result = layer(x)
    assert result.dtype == torch.bfloat16
    torch.testing.assert_close(result.float(), layer(x.float()), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("name", FEATURE_NORMS)
def test_slope_one_is_no_activation(name):
    x = features()
    linear = norm(name).layer(CHANNELS, 1.0)(x)
    assert linear.min() < -1
    torch.testing.assert_close(norm(name).layer(CHANNELS, 0.2)(x), leaky_relu(linear, 0.2))


def test_epsilon_can_be_chosen():
    x = 1e-3 * features()
    layer = feature.Instance(CHANNELS, slope=1.0, eps=1.0)
    torch.testing.assert_close(layer(x), x - x.mean((2, 3), keepdim=True), rtol=1e-4, atol=1e-6)
