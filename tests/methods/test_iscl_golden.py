"""The published ISCL code, number for number."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from pellucid.methods.iscl import Iscl, IsclRecipe
from pellucid.networks import Discriminator, Extractor, Generator
from pellucid.norms import FeatureNorm

GOLDEN = Path(os.environ.get("PELLUCID_GOLDEN", Path(__file__).parent.parent / "golden"))
WIDTH = 8
TOLERANCE = 1e-4

GENERATOR_CONVS = [
    "conv1",
    "conv2",
    "conv3",
    *(f"res{block}.conv{layer}" for block in range(3) for layer in (1, 2)),
    "deconv1",
    "deconv2",
    "conv4",
]
GENERATOR_NORMS = [
    "norm1",
    "norm2",
    "norm3",
    *(f"res{block}.norm{layer}" for block in range(3) for layer in (1, 2)),
    "norm4",
    "norm5",
]
EXTRACTOR_CONVS = [f"conv{layer}" for layer in range(20)]
EXTRACTOR_NORMS = [f"norm{layer}" for layer in range(1, 19)]
DISCRIMINATOR_CONVS = [f"conv{layer}" for layer in range(1, 7)]
DISCRIMINATOR_NORMS = [f"norm{layer}" for layer in range(2, 6)]
NAMES = {
    Generator: (GENERATOR_CONVS, GENERATOR_NORMS),
    Extractor: (EXTRACTOR_CONVS, EXTRACTOR_NORMS),
    Discriminator: (DISCRIMINATOR_CONVS, DISCRIMINATOR_NORMS),
}


@pytest.fixture(scope="module")
def deviations(request):
    """Collects the relative deviation of everything compared, and prints the largest at the end, captured or not."""
    found: dict[str, float] = {}
    yield found
    worst = max(found, key=lambda name: found[name])
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\nlargest relative deviation from {GOLDEN}: {found[worst]:.2e} ({worst})")


def read(name: str) -> dict[str, Tensor]:
    with np.load(GOLDEN / f"{name}.npz") as file:
        return {key: torch.from_numpy(file[key]).double() for key in file.files}


def images(nhwc: Tensor) -> Tensor:
    return nhwc.permute(0, 3, 1, 2)


def load(network: nn.Module, values: dict[str, Tensor], prefix: str = "") -> None:
    conv_names, norm_names = NAMES[type(network)]
    convs = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)]
    norms = [m for m in network.modules() if isinstance(m, FeatureNorm)]
    with torch.no_grad():
        for conv, name in zip(convs, conv_names, strict=True):
            conv.weight.copy_(values[f"{prefix}{name}.kernel"].permute(3, 2, 0, 1))
            conv.bias.copy_(values[f"{prefix}{name}.bias"])
        for norm, name in zip(norms, norm_names, strict=True):
            for parameter in ("gamma", "beta", "rho"):
                getattr(norm, parameter).copy_(values[f"{prefix}{name}.{parameter}"])


def agree(deviations: dict[str, float], name: str, ours: Tensor, golden: Tensor) -> None:
    deviations[name] = float((ours.detach() - golden).abs().max() / golden.abs().max())
    assert deviations[name] < TOLERANCE


@pytest.mark.parametrize("network", [Generator, Extractor, Discriminator])
def test_output_equals_published(network, deviations):
    values = read(network.__name__.lower())
    ours = network(WIDTH, "batch-instance").double()
    load(ours, values)
    with torch.no_grad():
        output = ours(images(values["input"]))
    agree(deviations, f"{network.__name__} output", output, images(values["output"]))


@pytest.fixture(scope="module")
def trained():
    """ISCL with the stored weights, and the stored batch."""
    values = read("losses")
    norms = dict.fromkeys(("generator", "discriminator", "extractor"), "batch-instance")
    method = Iscl(IsclRecipe(width=WIDTH, **norms)).double()
    for name, network in {
        "F": method.F,
        "G": method.G,
        "H": method.H,
        "DX": method.D_X,
        "DY": method.D_Y,
    }.items():
        load(network, values, f"{name}/")
    return method, values


@pytest.fixture(scope="module")
def losses(trained):
    method, values = trained
    x, y = images(values["noisy"]), images(values["clean"])
    noise = method.H(x).detach()
    clean_fake, noisy_fake = method.F(x), method.G(y)
    return {
        **method.discriminator_losses(x, y, clean_fake.detach(), noisy_fake.detach(), noise),
        **method.generator_losses(x, y, clean_fake, noisy_fake, noise),
        **method.extractor_losses(x, y),
    }


LOSSES = {
    "d_noisy": "N-dloss",
    "d_clean": "C-dloss",
    "boosting": "Boosting",
    "g_noisy": "N-gloss",
    "g_clean": "C-gloss",
    "cycle": "Cycle",
    "bypass": "Bypass",
    "pseudo_noise": "Pseudo",
    "noise_consistency": "Noise-consistency",
}


@pytest.mark.parametrize("name", LOSSES)
def test_loss_equals_published(name, trained, losses, deviations):
    agree(deviations, f"loss {name}", losses[name], trained[1][f"loss/{LOSSES[name]}"])


def test_gradient_norms_equal_published(trained, losses, deviations):
    method, values = trained
    totals = {
        "discriminators": losses["d_noisy"] + losses["d_clean"] + losses["boosting"],
        "generators": method.generator_total(losses),
        "extractor": losses["pseudo_noise"] + losses["noise_consistency"],
    }
    for name, total in totals.items():
        gradients = torch.autograd.grad(total, method.optimisers[name].parameters(), retain_graph=True)
        norm = torch.stack([gradient.square().sum() for gradient in gradients]).sum().sqrt()
        agree(deviations, f"gradient norm of the {name}", norm, values[f"loss/grad_norm_{name}"])


def test_denoised_equals_published(trained, deviations):
    method, values = trained
    with torch.no_grad():
        denoised = method.denoiser(images(values["noisy"]))
    golden = images(values["predict"]) if values["predict"].ndim == 4 else values["predict"][:, None]
    agree(deviations, "predict", (denoised + 1) / 2 * 255, golden)
