from __future__ import annotations

import copy

import pytest
import torch
from skimage.metrics import structural_similarity

from pellucid.errors import InputError
from pellucid.inference import denoise_plane
from pellucid.methods import build, make_recipe

TINY = {"width": 2, "batch": 2, "steps": 20, "patch": 16}


def make(**settings):
    return build(make_recipe("cagan", settings={**TINY, **settings})).double()


def batch():
    noisy, pairs = torch.randn(2, 2, 1, 16, 16, dtype=torch.float64).mul(0.4).clamp(-1, 1)
    return {"noisy": noisy, "pairs": pairs}


def unit(given):
    return (given["noisy"] + 1) / 2, (given["pairs"] + 1) / 2


def structure(truth, found):
    """0.84 of the absolute error, 0.16 of one less SSIM, by another implementation."""
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "K2": 0.02, "data_range": 1}
    local = [
        structural_similarity(*(image[0].detach().numpy() for image in pair), full=True, **settings)[1][5:-5, 5:-5]
        for pair in zip(truth, found, strict=True)
    ]
    similar = sum(float(part.mean()) for part in local) / len(local)
    return 0.84 * float((found - truth).abs().mean().detach()) + 0.16 * (1 - similar)


def test_losses_are_those_of_the_paper():
    method, given = make(), batch()
    x, y = unit(given)
    reference = copy.deepcopy(method)
    G1, G2, D1, D2 = reference.G1, reference.G2, reference.D1, reference.D2
    clean, noisy = G1(x), G2(y)
    found = {name: float(loss) for name, loss in method.step(given, 1).items()}

    def square(x):
        return float(x.square().mean().detach())

    def absolute(x):
        return float(x.abs().mean().detach())

    assert found["d_noisy"] == pytest.approx(square(D1(x) - 1) + square(D1(noisy)))
    assert found["d_clean"] == pytest.approx(square(D2(y) - 1) + square(D2(clean)))
    assert found["g_noisy"] == pytest.approx(square(method.D1(noisy) - 1))  # of the updated discriminators
    assert found["g_clean"] == pytest.approx(square(method.D2(clean) - 1))
    assert found["cycle"] == pytest.approx(absolute(x - G2(clean)) + absolute(y - G1(noisy)))
    assert found["identity"] == pytest.approx(absolute(G2(x) - x) + absolute(G1(y) - y))
    assert found["structure"] == pytest.approx(structure(y, clean))
    assert set(method.shown_losses) <= set(found)


def test_weights_of_the_losses():
    losses = {name: torch.tensor(float(10**place)) for place, name in enumerate(
        ("g_noisy", "g_clean", "cycle", "identity", "structure"))}  # fmt: skip
    assert float(make().generator_total(losses)) == pytest.approx(1 + 10 + 0.1 * 100 + 0.1 * 1000 + 10 * 10000)
    other = make(cycle_weight=2, identity_weight=3, structure_weight=0)
    assert float(other.generator_total(losses)) == pytest.approx(11 + 200 + 3000)


def test_each_optimiser_moves_its_networks_and_no_others():
    method, given = make(), batch()
    x, y = unit(given)
    for optimiser, role in ((method.discriminators, ("D1", "D2")), (method.generators, ("denoiser", "G2"))):
        before = copy.deepcopy(method.state_dict())
        clean, noisy = method.G1(x), method.G2(y)
        losses = method.discriminator_losses(x, y, clean.detach(), noisy.detach())
        total = losses["d_noisy"] + losses["d_clean"]
        if "G2" in role:
            total = method.generator_total(method.generator_losses(x, y, clean, noisy))
        optimiser.step(total, 1)
        moved = {
            name.split(".")[0] for name, value in method.state_dict().items() if not torch.equal(value, before[name])
        }
        assert moved == set(role)


def test_the_truth_belongs_to_its_noisy_image():
    """Paired: with the partners exchanged the structural loss is another, which no unpaired method would notice."""
    method, given = make(), batch()
    exchanged = {"noisy": given["noisy"], "pairs": given["pairs"].flip(0)}
    losses = [copy.deepcopy(method).step(each, 1) for each in (given, exchanged)]
    torch.testing.assert_close(losses[0]["d_clean"], losses[1]["d_clean"])
    torch.testing.assert_close(losses[0]["identity"], losses[1]["identity"])
    assert (losses[0]["structure"] - losses[1]["structure"]).abs() > 1e-4


def test_the_rate_falls_by_half_a_percent_in_400_steps():
    method = build(make_recipe("cagan", settings={"width": 2, "patch": 16}))
    rate = method.generators.schedule
    assert rate(40_000) == pytest.approx(1e-4 * 0.995**100, rel=1e-3)
    assert rate(12_400) / rate(12_000) == pytest.approx(0.995, rel=1e-4)
    for optimiser in (method.generators, method.discriminators):
        (group,) = optimiser.inner.param_groups
        assert (group["betas"], group["eps"]) == ((0.5, 0.9), 1e-7)  # Keras' ε


def test_the_papers_preset_is_the_papers():
    recipe = make_recipe("cagan")
    assert (recipe.width, recipe.batch, recipe.patch, recipe.steps) == (64, 16, 64, 40_000)
    assert (recipe.ccsa, recipe.objective, recipe.learning_rate) == ("correct", "lsgan", 1e-4)
    assert (recipe.cycle_weight, recipe.identity_weight, recipe.structure_weight) == (0.1, 0.1, 10)
    assert recipe.check() == make_recipe("cagan", "quick").check() == []


@pytest.mark.parametrize("name", ["hinge-published", "hinge", "lsgan", "wgan", "wgan-gp"])
@pytest.mark.parametrize("ccsa", ["correct", "degenerate"])
def test_learns_under_every_adversarial_objective(name, ccsa):
    method = make(objective=name, ccsa=ccsa)
    before = copy.deepcopy(method.state_dict())
    for number in (1, 2):
        assert all(loss.isfinite() for loss in method.step(batch(), number).values())
    moved = {name.split(".")[0] for name, value in method.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {"denoiser", "G2", "D1", "D2"}


def test_patches_that_cannot_be_halved_three_times_are_refused():
    with pytest.raises(InputError, match="patch=60: the discriminators need a multiple of 8"):
        make_recipe("cagan", settings={"patch": 60}).check()


def attentive(**settings):
    """A denoiser whose criss-cross attention does gather."""
    denoiser = make(**settings).float().denoiser.eval().requires_grad_(False)
    for name, parameter in denoiser.named_parameters():
        if name.endswith("gamma"):
            parameter.fill_(1)
    return denoiser


def test_tiles_of_the_degenerate_form_equal_the_whole():
    denoiser, image = attentive(ccsa="degenerate"), torch.randn(60, 75).mul(0.4).numpy()
    whole = denoise_plane(denoiser, image, 1e12).image
    tiled = denoise_plane(denoiser, image, denoiser.bytes_per_pixel * 55**2).image
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)
    assert denoiser.window is None


def test_large_images_are_denoised_in_windows_of_256():
    denoiser, image = attentive(), torch.randn(16, 300).mul(0.4)
    seen = []
    denoiser.G1.register_forward_hook(lambda _, inputs, __: seen.append(tuple(inputs[0].shape[2:])))
    result = denoise_plane(denoiser, image.numpy(), 1e12).image
    assert set(seen) == {(16, 224), (16, 140)}  # cores of 192 and 108 pixels, 32 around where there is image
    assert (denoiser.window, denoiser.halo) == (256, 32)
    whole = denoiser(image[None, None])[0, 0].numpy()
    assert abs(result - whole).max() < 0.05  # rows are seen in part


def test_learns_to_denoise(learned):
    """The 3×3 mean that it starts from gains 4.0 dB."""
    settings = {"width": 4, "patch": 16, "batch": 2, "learning_rate": 4e-3, "average": 0.9}
    before, after = learned("cagan", noise="film", steps=45, **settings)
    assert after > before + 4.6
