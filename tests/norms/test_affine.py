from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.autograd.graph import saved_tensors_hooks
from torch.nn.functional import leaky_relu

from pellucid.norms.affine import affine_leaky_relu


def arguments(images, dtype=torch.float64):
    x = torch.randn(3, 4, 5, 2, dtype=dtype, requires_grad=True)
    scale = torch.randn(images, 4, dtype=dtype, requires_grad=True)
    shift = torch.randn(images, 4, dtype=dtype, requires_grad=True)
    return x, scale, shift


@pytest.mark.parametrize("slope", [0.2, 1.0, 0.0])
@pytest.mark.parametrize("images", [3, 1])
def test_value_and_gradients_equal_the_plain_formula(images, slope):
    given = arguments(images, torch.float32)
    x, scale, shift = given
    plain = leaky_relu(x * scale[:, :, None, None] + shift[:, :, None, None], slope)
    fused = affine_leaky_relu(*given, slope)
    torch.testing.assert_close(fused, plain, rtol=1e-6, atol=1e-6)
    grad = torch.randn_like(plain)
    expected = torch.autograd.grad(plain, given, grad)
    torch.testing.assert_close(torch.autograd.grad(fused, given, grad), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("images", [3, 1])
def test_first_and_second_derivative(images):
    given = arguments(images)
    assert gradcheck(lambda *a: affine_leaky_relu(*a, 0.2), given)
    assert gradgradcheck(lambda *a: affine_leaky_relu(*a, 0.2), given)


def test_scale_and_shift_of_different_batch_size():
    x, scale, _ = arguments(3)
    shift = torch.randn(1, 4, dtype=torch.float64, requires_grad=True)
    assert gradcheck(lambda *a: affine_leaky_relu(*a, 0.2), (x, scale, shift))


def test_keeps_its_input_and_numbers_per_map_only():
    x, scale, shift = arguments(3)
    kept = []
    with saved_tensors_hooks(lambda tensor: kept.append(tensor) or tensor, lambda tensor: tensor):
        affine_leaky_relu(x, scale, shift, 0.2)
    large = [tensor for tensor in kept if tensor.numel() > 3 * 4]
    assert [tensor.data_ptr() for tensor in large] == [x.data_ptr()]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision_in_and_out_float32_between(dtype):
    x, scale, shift = (argument.detach().float().requires_grad_() for argument in arguments(3))
    half = x.detach().to(dtype).requires_grad_()
    result = affine_leaky_relu(half, scale, shift, 0.2)
    assert result.dtype == dtype
    exact = affine_leaky_relu(half.detach().float(), scale, shift, 0.2)
    torch.testing.assert_close(result.float(), exact, rtol=torch.finfo(dtype).eps, atol=1e-6)
    result.float().sum().backward()
    assert half.grad.dtype == dtype
    assert scale.grad.dtype == torch.float32
