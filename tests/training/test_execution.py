from __future__ import annotations

import copy

import pytest
import torch

from pellucid.errors import InputError
from pellucid.methods import build, make_recipe
from pellucid.methods.dncnn import DncnnDenoiser
from pellucid.norms import FeatureNorm
from pellucid.training import Execution, Training, execution
from pellucid.training.checkpoint import load_state, save_state

CPU = torch.device("cpu")
tracing = pytest.mark.filterwarnings("ignore:.*autograd.function.Function.* should not be instantiated")
"""What torch's compiler itself does to functions with a backward of their own."""
PLAIN = Execution()
AMP = Execution(amp=True)


def make(chosen, recipe="proposed", **settings):
    settings = {"width": 2, "batch": 2, "steps": 20, "learning_rate": 1e-3, **settings}
    return Training(build(make_recipe(recipe, settings=settings)), CPU, chosen)


def batch(method, number):
    generator = torch.Generator().manual_seed(number)
    side = method.recipe.patch
    return {kind: torch.rand(2, 1, side, side, generator=generator) * 2 - 1 for kind in method.kinds}


def run(training, until):
    losses = []
    while training.number < until:
        losses.append(training.step(batch(training.method, training.number + 1)))
    return losses


def small(chosen):
    return make(chosen, "dncnn", width=4, depth=4, patch=24)


@pytest.mark.parametrize(
    ("recipe", "settings", "count"), [("proposed", {}, 5), ("dncnn", {}, 1), ("quan", {}, 6), ("mean-matched", None, 0)]
)
def test_networks_are_found_in_every_method(recipe, settings, count):
    method = build(make_recipe(recipe, settings=None if settings is None else {"width": 1}))
    assert len(execution.networks_of(method)) == count


def test_mixed_precision_learns_what_float32_does():
    plain, mixed = run(make(PLAIN), 2), run(make(AMP), 2)
    for name, loss in plain[-1].items():
        assert mixed[-1][name] == pytest.approx(loss, rel=0.02, abs=0.02)
    assert mixed != plain


def test_within_a_network_maps_are_bfloat16_and_moments_float32(monkeypatch):
    seen = []
    forward = FeatureNorm.forward

    def watching(self, x):
        constants = self.constants(self.moments_of(x))
        result = forward(self, x)
        seen.append((x.dtype, *(c.dtype for c in constants), result.dtype))
        return result

    monkeypatch.setattr(FeatureNorm, "forward", watching)
    training = small(AMP)
    run(training, 1)
    assert set(seen) == {(torch.bfloat16, torch.float32, torch.float32, torch.bfloat16)}
    state = training.state()
    assert {value.dtype for value in state["method"].values()} == {torch.float32}
    moments = state["optimisers"]["denoiser"]["inner"]["state"].values()
    assert {value.dtype for moment in moments for value in moment.values()} == {torch.float32}


def test_what_is_between_networks_stays_float32(monkeypatch):
    dtypes = []
    whole = DncnnDenoiser.estimate

    def watching(self, noisy):
        result = whole(self, noisy)
        dtypes.append((torch.is_autocast_enabled("cpu"), self.R(noisy).dtype, result.dtype))
        return result

    monkeypatch.setattr(DncnnDenoiser, "estimate", watching)
    run(small(AMP), 1)
    assert dtypes == [(False, torch.float32, torch.float32)]


def test_a_network_may_return_several_maps():
    class Two(torch.nn.Conv2d):
        def forward(self, x):
            once = super().forward(x)
            inside.append(once.dtype)
            return once, super().forward(once)

    inside, network, x = [], Two(1, 1, 3, padding=1), torch.randn(1, 1, 8, 8)
    plain = network(x)
    with execution.mixed_precision([network], "cpu"):
        mixed = network(x)
    assert inside == [torch.float32, torch.bfloat16]
    assert isinstance(mixed, tuple)
    for one, other in zip(mixed, plain, strict=True):
        assert one.dtype == torch.float32
        torch.testing.assert_close(one, other, rtol=0, atol=0.05)


def test_nothing_of_mixed_precision_lasts():
    training = small(AMP)
    run(training, 1)
    denoiser = copy.deepcopy(training.method.denoiser)
    noisy = batch(training.method, 1)["noisy"]
    plain = small(PLAIN)
    plain.restore(training.state())
    with torch.no_grad():
        assert torch.equal(denoiser.eval()(noisy), plain.method.denoiser.eval()(noisy))


def test_mixed_precision_resumes_bit_for_bit(tmp_path, one_thread):
    training = small(AMP)
    run(training, 2)
    save_state(training.state(), tmp_path / "state.pt")
    expected = run(training, 4)
    resumed = small(AMP)
    resumed.restore(load_state(tmp_path / "state.pt"))
    assert run(resumed, 4) == expected
    torch.testing.assert_close(resumed.state(), training.state(), rtol=0, atol=0)


def test_cudnn_is_left_as_it_was():
    before = torch.backends.cudnn.benchmark
    with PLAIN.step(torch.nn.Module(), torch.device("cuda")):
        assert torch.backends.cudnn.benchmark
    assert torch.backends.cudnn.benchmark == before


@tracing
def test_a_state_fits_whatever_it_was_computed_with(monkeypatch):
    monkeypatch.setattr(execution, "BACKEND", "eager")
    training = small(Execution(amp=True, compile=True))
    run(training, 1)
    assert training.state()["method"].keys() == small(PLAIN).state()["method"].keys()
    small(PLAIN).restore(training.state())


@tracing
@pytest.mark.parametrize("chosen", [Execution(compile=True), Execution(amp=True, compile=True)])
def test_compiled_networks_learn_the_same(chosen, monkeypatch):
    monkeypatch.setattr(execution, "BACKEND", "aot_eager")  # traced, forward and backward, but not compiled
    compiled, plain = run(small(chosen), 3), run(small(Execution(amp=chosen.amp)), 3)
    for one, other in zip(compiled, plain, strict=True):
        assert one == pytest.approx(other, rel=1e-2 if chosen.amp else 1e-5)


def test_networks_with_spectral_norm_are_not_compiled(monkeypatch):
    compiled = []
    monkeypatch.setattr(torch.nn.Module, "compile", lambda self, **_: compiled.append(type(self).__name__))
    monkeypatch.setattr(execution, "_check_compiler", lambda device: None)
    make(Execution(compile=True))
    assert sorted(compiled) == ["Extractor", "Generator", "Generator"]


def test_a_missing_compiler_is_said_in_one_line(monkeypatch):
    def fail(function, **options):
        raise RuntimeError("InvalidCxxCompiler: No working C++ compiler found\nin a long list of places")

    monkeypatch.setattr(torch, "compile", fail)
    with pytest.raises(InputError, match=r"^--compile needs a C\+\+ compiler here \(Invalid.*found\): install it"):
        small(Execution(compile=True))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # torch._dynamo looks at it
@pytest.mark.parametrize("norm", ["instance", "switchable"])
def test_truly_compiled_networks_learn_the_same(norm):
    settings = {"generator": norm, "extractor": norm, "width": 1}  # every kind of layer, mirrored borders among them
    compiled, plain = (run(make(chosen, **settings), 2) for chosen in (Execution(compile=True), PLAIN))
    assert compiled[-1] == pytest.approx(plain[-1], rel=1e-4, abs=1e-5)
