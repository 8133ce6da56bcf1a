from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from pellucid.errors import InputError
from pellucid.simulation import phantom
from pellucid.simulation.noise import SIMULATORS, simulate

KINDS = [kind for kind in SIMULATORS if kind != "captured"]
SHAPES = st.one_of(st.tuples(st.integers(1, 40), st.integers(1, 40)), st.just((2, 9, 12)))


@pytest.fixture(scope="module")
def tissue():
    return np.stack([phantom.tissue((192, 192), 1_000_003 + plane) for plane in range(2)])


@pytest.fixture(scope="module")
def large():
    return np.stack([phantom.tissue((512, 512), 5_000_015 + plane) for plane in range(2)])


def _psnr(a, b):
    return 10 * np.log10(255**2 / np.mean((a.astype(float) - b) ** 2))


@given(SHAPES.flatmap(lambda shape: arrays.arrays(np.uint8, shape)), st.sampled_from(KINDS), st.integers(0, 2**64 - 1))
@settings(max_examples=40)
def test_strength_zero_gives_the_image_back(image, kind, seed):
    noisy = simulate(image, kind, 0, seed)
    assert np.array_equal(noisy, image)
    assert noisy is not image


@given(
    st.sampled_from(["uint8", "uint16", "int16"]).flatmap(lambda t: SHAPES.flatmap(lambda s: arrays.arrays(t, s))),
    st.sampled_from(KINDS),
    st.floats(0, 1),
    st.integers(0, 2**64 - 1),
)
@settings(max_examples=60)
def test_shape_and_dtype_stay_and_nothing_wraps_around(image, kind, share, seed):
    """An integer image and its float twin agree after rounding and clipping: no value wrapped around."""
    strength = share * min(4 * SIMULATORS[kind].strength, SIMULATORS[kind].highest)
    noisy = simulate(image, kind, strength, seed)
    assert (noisy.shape, noisy.dtype) == (image.shape, image.dtype)
    info = np.iinfo(image.dtype)
    as_float = simulate(image.astype(float), kind, strength, seed, data_range=(info.min, info.max))
    assert np.abs(np.clip(as_float, info.min, info.max) - noisy).max() <= 0.5 + 1e-6


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_and_plane_give_the_same_noise(tissue, kind):
    noisy = simulate(tissue, kind, seed=3)
    assert np.array_equal(noisy, simulate(tissue, kind, seed=3))
    assert np.array_equal(noisy[0], simulate(tissue[0], kind, seed=3)), "a stack's first plane is that of a single one"
    assert not np.array_equal(noisy, simulate(tissue, kind, seed=4))
    flat = simulate(np.full((2, 64, 64), 128, np.uint8), kind, seed=3)
    assert not np.array_equal(flat[0], flat[1])


@pytest.mark.parametrize("kind", KINDS)
def test_dtypes_behave_alike(tissue, kind):
    plane = tissue[0]
    on_8 = simulate(plane, kind, seed=3) / 255
    on_16 = simulate(plane.astype(np.uint16) * 257, kind, seed=3) / 65535
    on_float = np.clip(simulate((plane / 255).astype(np.float32), kind, seed=3), 0, 1)
    assert on_16 == pytest.approx(on_8, abs=0.51 / 255)
    # A count may tip over where float32 rounds the intensity; all others agree to its precision.
    assert np.median(np.abs(on_float - on_16)) < 1e-5
    assert (np.abs(on_float - on_16) < 1e-4).mean() > 0.99


@pytest.mark.parametrize("kind", KINDS)
def test_default_strength_lies_near_19_db(large, kind):
    values = [_psnr(clean, noisy) for clean, noisy in zip(large, simulate(large, kind), strict=True)]
    spread = 2.6 if kind in ("film", "charge") else 0.7
    assert np.mean(values) == pytest.approx(19.2, abs=1.0)
    assert max(abs(v - np.mean(values)) for v in values) < spread


def test_a_given_data_range_makes_noise_relative_to_it():
    """12 bit in a uint16: the noise is that of the camera's range, clipped at the dtype's."""
    image = np.full((200, 200), 2048, np.uint16)
    noisy = simulate(image, "gaussian", 0.1, data_range=(0, 4095))
    assert noisy.std() == pytest.approx(409.5, rel=0.02)


def test_signed_images_are_dark_at_their_lowest_value():
    assert (simulate(np.full((20, 20), -128, np.int8), "speckle", 0.3) == -128).all()


def test_options_reach_their_model(tissue):
    assert not np.array_equal(simulate(tissue, "charge", objects=0), simulate(tissue, "charge", objects=30))
    assert not np.array_equal(simulate(tissue, "film", dirt=0), simulate(tissue, "film", dirt=100))


@pytest.mark.parametrize(
    ("kind", "settings_", "message"),
    [
        ("flim", {}, "did you mean 'film'"),
        ("gausian", {}, "did you mean 'gaussian'"),
        ("", {}, "unknown noise"),
        ("film", {"dust": 1}, "no option 'dust'; its options: dirt"),
        ("gaussian", {"sigma": 1}, "no option 'sigma'; its options: none"),
        ("film", {"strength": -1}, "strength -1"),
        ("film", {"strength": np.nan}, "strength nan"),
        ("film", {"strength": np.inf}, "strength inf"),
        ("salt_and_pepper", {"strength": 1.1}, "from 0 to 1"),
        ("film", {"seed": -1}, "seed -1"),
    ],
)
def test_wrong_calls_are_refused_in_one_line(tissue, kind, settings_, message):
    with pytest.raises(InputError, match=message) as caught:
        simulate(tissue, kind, **settings_)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("shape", [(5,), (2, 2, 5, 5), (0, 5)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match="shape"):
        simulate(np.zeros(shape, np.uint8), "film")
