"""Norms that must agree with each other, and with a straightforward implementation."""

from __future__ import annotations

import pytest
import torch

from pellucid.norms import feature


def features(images=4, channels=32):
    offsets, contrasts = torch.randn(images, channels, 1, 1), 0.5 + torch.rand(images, channels, 1, 1)
    return (offsets + contrasts * torch.randn(images, channels, 6, 5)).double()


def same_affine(*layers):
    """The layers with one common random γ and β."""
    gamma, beta = torch.randn(2, len(layers[0].gamma), dtype=torch.float64)
    for layer in layers:
        layer.double()
        layer.gamma.data.copy_(gamma)
        layer.beta.data.copy_(beta)
    return layers


def assert_same(one, other, x):
    torch.testing.assert_close(one(x), other(x), rtol=1e-9, atol=1e-9)


def test_one_group_is_layer_norm():
    assert_same(*same_affine(feature.Group(32), feature.Layer(32)), features())
    assert_same(*same_affine(feature.Group(8), feature.Layer(8)), features(channels=8))


def test_two_groups_are_not():
    group, layer = same_affine(feature.Group(64), feature.Layer(64))
    x = features(channels=64)
    assert (group(x) - layer(x)).abs().max() > 0.1


def test_groups_of_one_channel_are_instance_norm(monkeypatch):
    monkeypatch.setattr(feature.Group, "channels_per_group", 1)
    assert_same(*same_affine(feature.Group(32, eps=1e-7), feature.Instance(32)), features())


@pytest.mark.parametrize(
    ("kept", "equal"),
    [(0, feature.Instance), (1, feature.Layer), (2, feature.Batch)],
    ids=["instance", "layer", "batch"],
)
def test_switchable_with_one_weight_is_that_norm(kept, equal):
    switchable, other = same_affine(feature.Switchable(32), equal(32, eps=1e-5))
    for logits in (switchable.mean_logits, switchable.var_logits):
        logits.data.fill_(-1e4)[kept] = 1e4
    assert_same(switchable, other, features())


def test_switchable_mixes_means_and_variances_separately():
    switchable = feature.Switchable(32).double()
    switchable.mean_logits.data.copy_(torch.tensor([1e4, 0, 0]))
    switchable.var_logits.data.copy_(torch.tensor([0, 0, 1e4]))
    x = features()
    centred = x - x.mean((2, 3), keepdim=True)
    expected = centred / (x.var((0, 2, 3), keepdim=True, correction=0) + 1e-5).sqrt()
    torch.testing.assert_close(switchable(x), torch.nn.functional.leaky_relu(expected, 0.2))


class StraightSwitchable:
    """Switchable norm as written in KCGS eqs. (13)-(14), from the pixels themselves."""

    def __init__(self, layer):
        self.layer = layer
        self.running_mean = torch.zeros(1, 32, 1, 1, dtype=torch.float64)
        self.running_var = torch.ones(1, 32, 1, 1, dtype=torch.float64)

    def __call__(self, x, training):
        means = [x.mean(dims, keepdim=True) for dims in ((2, 3), (1, 2, 3), (0, 2, 3))]
        variances = [x.var(dims, keepdim=True, correction=0) for dims in ((2, 3), (1, 2, 3), (0, 2, 3))]
        if training:
            self.running_mean = 0.99 * self.running_mean + 0.01 * means[2]
            self.running_var = 0.99 * self.running_var + 0.01 * variances[2]
        else:
            means[2], variances[2] = self.running_mean, self.running_var
        layer = self.layer
        mean = sum(w * m for w, m in zip(layer.mean_logits.softmax(0), means, strict=True))
        var = sum(w * v for w, v in zip(layer.var_logits.softmax(0), variances, strict=True))
        y = layer.gamma[:, None, None] * (x - mean) / (var + 1e-5).sqrt() + layer.beta[:, None, None]
        return torch.where(y > 0, y, 0.2 * y)


def test_switchable_equals_a_straightforward_implementation():
    (layer,) = same_affine(feature.Switchable(32))
    layer.mean_logits.data.normal_()
    layer.var_logits.data.normal_()
    straight = StraightSwitchable(layer)
    for training in (True, True, False, True, False):
        x = features()
        layer.train(training)
        torch.testing.assert_close(layer(x), straight(x, training), rtol=1e-9, atol=1e-9)
    torch.testing.assert_close(layer.running_mean, straight.running_mean.flatten(), rtol=1e-12, atol=1e-12)
    torch.testing.assert_close(layer.running_var, straight.running_var.flatten(), rtol=1e-12, atol=1e-12)


def test_switchable_begins_with_thirds_and_learns_them():
    layer = feature.Switchable(32).double()
    torch.testing.assert_close(layer.mean_logits.softmax(0), torch.full((3,), 1 / 3, dtype=torch.float64))
    (layer(features()) ** 3).sum().backward()
    assert layer.mean_logits.grad.abs().max() > 1e-3
    assert layer.var_logits.grad.abs().max() > 1e-3


def test_frozen_switchable_is_switchable_with_thirds_for_ever():
    frozen, learning = same_affine(feature.FrozenSwitchable(32), feature.Switchable(32))
    assert_same(frozen, learning, features())
    assert {name for name, value in frozen.named_parameters() if value.requires_grad} == {"gamma", "beta"}


def test_batch_instance_with_rho_0_is_instance_norm():
    layer, instance = same_affine(feature.BatchInstance(32), feature.Instance(32))
    layer.rho.data.zero_()
    assert_same(layer, instance, features())


def test_batch_instance_with_rho_1_is_batch_norm_in_training():
    layer, batch = same_affine(feature.BatchInstance(32), feature.Batch(32, eps=1e-7))
    assert torch.equal(layer.rho.data, torch.ones(32, dtype=torch.float64))
    assert_same(layer, batch, features())


def test_batch_instance_mixes_the_normalised_maps():
    layer = feature.BatchInstance(32, slope=1.0).double()
    layer.rho.data.uniform_()
    x = features()
    batch, instance = (
        (x - x.mean(dims, keepdim=True)) / (x.var(dims, keepdim=True, correction=0) + 1e-7).sqrt()
        for dims in ((0, 2, 3), (2, 3))
    )
    rho = layer.rho.detach()[:, None, None]
    torch.testing.assert_close(layer(x).detach(), rho * batch + (1 - rho) * instance, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("training", [True, False])
def test_batch_instance_of_one_image_is_instance_norm(training):
    layer, instance = same_affine(feature.BatchInstance(32), feature.Instance(32))
    layer.rho.data.uniform_()
    assert_same(layer.train(training), instance, features(images=1))


def test_running_batch_instance_is_batch_norm_at_test_with_rho_1():
    layer, batch = same_affine(feature.RunningBatchInstance(32), feature.Batch(32, eps=1e-5))
    batch.momentum = 0.1
    for _ in range(3):
        x = features()
        layer(x), batch(x)
    assert_same(layer.eval(), batch.eval(), features())


def test_batch_instance_depends_on_the_batch_and_evaluated_batch_norm_does_not():
    x = features()
    batch, batch_instance = feature.Batch(32).double().eval(), feature.BatchInstance(32).double().eval()
    torch.testing.assert_close(batch(x[:1]), batch(x)[:1], rtol=0, atol=1e-12)
    assert (batch_instance(x[:1]) - batch_instance(x)[:1]).abs().max() > 0.1


def test_rho_is_put_back_into_range():
    layer = feature.BatchInstance(3)
    layer.rho.data.copy_(torch.tensor([-0.5, 0.5, 1.5]))
    layer.constrain()
    assert layer.rho.tolist() == [0, 0.5, 1]


def test_instance_norm_leaves_only_beta_of_one_pixel():
    (layer,) = same_affine(feature.Instance(32))
    expected = torch.nn.functional.leaky_relu(layer.beta, 0.2)[None, :, None, None].expand(4, 32, 1, 1)
    torch.testing.assert_close(layer(features()[:, :, :1, :1]), expected)
