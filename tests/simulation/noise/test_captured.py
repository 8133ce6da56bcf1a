from __future__ import annotations

import numpy as np
import pytest

from pellucid.errors import InputError
from pellucid.simulation.noise import simulate

RNG = np.random.Generator(np.random.Philox(8))
CLEAN = RNG.integers(0, 256, (20, 30), dtype=np.uint8)
NOISE = RNG.integers(0, 256, (45, 60), dtype=np.uint8)


def captured(clean, noise_images, how="multiply", **options):
    return simulate(clean, "captured", noise_images=noise_images, how=how, **options)


def _crops(image, shape):
    """All crops of `image` in all four flips."""
    for flipped in (image, image[::-1], image[:, ::-1], image[::-1, ::-1]):
        yield from np.lib.stride_tricks.sliding_window_view(flipped, shape).reshape(-1, *shape)


def test_multiply_is_the_published_formula_on_8_bit():
    """noisy = round(clean · noise / 255), for a crop of the noise image."""
    noisy = captured(CLEAN, [NOISE], seed=4)
    product = CLEAN.astype(int) * np.array(list(_crops(NOISE, CLEAN.shape))).astype(int)
    matches = (np.rint(product / 255) == noisy).all(axis=(1, 2))
    assert matches.sum() == 1


def test_multiply_is_exact_for_all_pairs_of_grey_levels():
    clean, noise = np.mgrid[:256, :256].astype(np.uint8)
    expected = [np.rint(clean * n.astype(float) / 255) for n in _crops(noise, clean.shape)]
    for seed in range(4):
        assert any(np.array_equal(captured(clean, [noise], seed=seed), e) for e in expected)


def test_white_noise_images_leave_the_image_as_it_is():
    assert np.array_equal(captured(CLEAN, np.full((2, 40, 40), 255, np.uint8)), CLEAN)


def test_add_takes_away_the_mean_and_scales():
    clean = np.full((200, 200), 0.5)
    noise = 0.3 + 0.02 * RNG.standard_normal((300, 300))
    noisy = captured(clean, [noise], "add", strength=3.0)
    assert noisy.mean() == pytest.approx(0.5, abs=0.002)
    assert noisy.std() == pytest.approx(0.06, rel=0.02)


def test_noise_to_add_goes_on_mirrored_where_it_is_smaller():
    noise = 0.4 + 0.02 * RNG.standard_normal((16, 30))
    noisy = captured(np.full((20, 30), 0.5), [noise], "add") - 0.5
    whole = np.concatenate([noise, noise[:-5:-1]]) - noise.mean()
    assert any(np.allclose(noisy, whole[::y, ::x]) for y in (1, -1) for x in (1, -1))


def test_position_and_flip_follow_seed_and_plane():
    stack = np.repeat(CLEAN[None], 4, axis=0)
    noisy = captured(stack, [NOISE, NOISE.T.copy()], seed=1)
    assert np.array_equal(noisy, captured(stack, [NOISE, NOISE.T.copy()], seed=1))
    assert len({plane.tobytes() for plane in noisy}) == 4
    assert not np.array_equal(noisy, captured(stack, [NOISE, NOISE.T.copy()], seed=2))


def test_16_bit_noise_on_8_bit_tissue():
    flat = np.full((10, 10), 200, np.uint8)
    half = np.full((10, 10), 65535 // 2, np.uint16)
    assert (captured(flat, [half]) == 100).all()


def test_strength_zero_changes_nothing():
    assert np.array_equal(captured(CLEAN, [NOISE], strength=0.0), CLEAN)


@pytest.mark.parametrize(
    ("noise", "how", "message"),
    [
        ([NOISE[:10]], "multiply", "10×60 px is smaller than the clean image of 20×30 px"),
        ([NOISE[:, :29]], "multiply", "45×29 px is smaller than the clean image of 20×30 px"),
        ([NOISE[:, :14]], "add", "45×28 px is smaller than the clean image of 20×30 px"),
        ([], "multiply", "at least one noise image"),
        ([NOISE], "divide", "'divide'"),
        ([np.zeros((3, 50, 50), np.uint8)], "multiply", "axes"),
        ([np.full((50, 50), 7.0)], "multiply", "outside 0 to 1"),
    ],
)
def test_what_cannot_work_is_refused(noise, how, message):
    with pytest.raises(InputError, match=message) as caught:
        captured(CLEAN, noise, how)
    assert "\n" not in str(caught.value)


def test_needs_noise_images():
    with pytest.raises(InputError, match="needs noise_images"):
        simulate(CLEAN, "captured")
