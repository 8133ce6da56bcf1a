from __future__ import annotations

import functools
import math
import warnings

import numpy as np
import pytest
import pywt
import torch
from skimage import restoration

from pellucid.evaluation import psnr
from pellucid.inference import denoise_plane
from pellucid.methods import Supervision, build, make_recipe, method_class
from pellucid.methods.classical.block_matching import CELL, RADIUS, STEP, Groups, blocks, match, whole_numbers
from pellucid.methods.classical.bm3d import exponential, logarithm
from pellucid.methods.classical.bm3d_stages import Frame, HardThreshold, Wiener, bm3d, by_size, filtered, kaiser
from pellucid.methods.classical.transforms import bior15, dct, haar, separable
from pellucid.simulation.phantom import tissue

GREY = 2 / 255
PLENTY = 1e12


def unit(grey):
    return (grey / 127.5 - 1).astype(np.float32)


def grey(plane):
    return (plane.astype(np.float64) + 1) * 127.5


def denoiser(name="bm3d", **settings):
    return build(make_recipe(name, "paper", settings)).denoiser.eval()


@functools.cache
def scene(side, sigma, seed=0):
    clean = tissue((side, side), seed=3).astype(np.float64)
    return clean, clean + np.random.default_rng(seed).normal(0, sigma, clean.shape)


class TestTransforms:
    @pytest.mark.parametrize("size", [1, 2, 4, 8, 16, 32])
    def test_haar(self, size):
        matrix = haar(size)
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(size).double())
        torch.testing.assert_close(matrix[0], torch.full((size,), size**-0.5).double())
        if size > 1:
            signal = np.random.default_rng(0).normal(size=size)
            theirs = np.concatenate(pywt.wavedec(signal, "haar", level=int(math.log2(size))))
            np.testing.assert_allclose(matrix.numpy() @ signal, theirs, atol=1e-12)

    def test_dct(self):
        matrix = dct(8)
        torch.testing.assert_close(matrix @ matrix.T, torch.eye(8).double())
        cosine = torch.cos(math.pi / 8 * (torch.arange(8).double() + 0.5) * 3)
        torch.testing.assert_close(matrix @ cosine, 2 * torch.eye(8).double()[3])

    def test_bior15_is_that_of_pywavelets(self):
        ours, theirs = bior15(8).numpy(), _pywavelets_bior15()
        similar = np.abs(ours @ theirs.T)  # both have rows of norm 1
        assert sorted(similar.argmax(1)) == list(range(8))  # each row is one of theirs, up to sign and place
        np.testing.assert_allclose(similar.max(1), 1, atol=1e-7)

    def test_bior15_can_be_undone_and_sees_constants_once(self):
        matrix = bior15(8)
        torch.testing.assert_close(torch.linalg.inv(matrix) @ matrix, torch.eye(8).double())
        torch.testing.assert_close(matrix.norm(dim=1), torch.ones(8).double())
        torch.testing.assert_close((matrix @ torch.ones(8).double())[1:], torch.zeros(7).double())
        assert np.linalg.cond(matrix.numpy()) < 5

    def test_separable_is_rows_and_columns(self):
        matrix, block = bior15(8), torch.randn(8, 8, dtype=torch.float64)
        torch.testing.assert_close(separable(matrix) @ block.flatten(), (matrix @ block @ matrix.T).flatten())

    def test_kaiser(self):
        window = np.kaiser(8, 2)
        np.testing.assert_allclose(kaiser().reshape(8, 8), np.outer(window, window), atol=1e-7)


def _pywavelets_bior15():
    warnings.filterwarnings("ignore", "Level value of 3 is too high")  # of a periodic signal it is not
    rows = [np.concatenate(pywt.wavedec(unit_, "bior1.5", mode="periodization", level=3)) for unit_ in np.eye(8)]
    matrix = np.array(rows).T
    return matrix / np.linalg.norm(matrix, axis=1, keepdims=True)


class TestMatching:
    def brute(self, image, y, x, count):
        """The nearest blocks to the one at (y, x), by distance."""
        top, left = max(0, y - 19), max(0, x - 19)
        near = image[top : y + 27, left : x + 27]
        off = np.lib.stride_tricks.sliding_window_view(near, (8, 8)) - image[y : y + 8, x : x + 8]
        squares = (off**2).sum((2, 3))
        found = [(float(squares[v, u]), top + v, left + u) for v, u in np.ndindex(squares.shape)]
        return sorted(found, key=lambda entry: (entry[0], entry[1:] != (y, x), *entry[1:]))[:count]

    def test_finds_what_a_search_one_by_one_finds(self):
        image = torch.from_numpy(unit(scene(68, 25)[1]))
        frame = Frame(68, 68)
        (piece,) = frame.pieces()
        assert piece.references == (21, 21)
        candidates = blocks(whole_numbers(frame.put(image)))
        groups = match(candidates, piece.valid, piece.references, 16)
        numbers = whole_numbers(image).numpy()
        for i, j in [(0, 0), (20, 20), (7, 8), (9, 0), (20, 13)]:
            expected = self.brute(numbers, STEP * i, STEP * j, 16)
            number = i * 21 + j
            distances = groups.distance[number].numpy() * 4 * 64
            np.testing.assert_array_equal(distances.round(), [entry[0] for entry in expected])
            places = {
                (int(p) // candidates.shape[1] - RADIUS, int(p) % candidates.shape[1] - RADIUS)
                for p in groups.place[number]
            }
            assert places == {entry[1:] for entry in expected}
            assert int(groups.place[number, 0]) == (STEP * i + RADIUS) * candidates.shape[1] + STEP * j + RADIUS

    def test_a_reference_is_first_even_among_equals(self):
        frame = Frame(44, 44)
        (piece,) = frame.pieces()
        groups = match(blocks(frame.put(torch.zeros(44, 44))), piece.valid, piece.references, 16)
        width = piece.valid.shape[1]
        expected = [(STEP * i + RADIUS) * width + STEP * j + RADIUS for i in range(13) for j in range(13)]
        assert groups.place[:, 0].tolist() == expected
        assert not groups.distance.any()
        assert piece.valid.flatten()[groups.place].all()

    def test_small_images_have_fewer_blocks(self):
        frame = Frame(8, 11)
        (piece,) = frame.pieces()
        groups = match(blocks(frame.put(torch.rand(8, 11))), piece.valid, piece.references, 16)
        assert piece.references == (1, 2)
        assert groups.distance.isfinite().sum(1).tolist() == [4, 4]

    def test_distances_are_exact_at_the_extremes(self):
        image = torch.ones(8, 25)
        image[:, 12:] = -1
        frame = Frame(8, 25)
        (piece,) = frame.pieces()
        groups = match(blocks(whole_numbers(frame.put(image))), piece.valid, piece.references, 32)
        assert float(groups.distance[groups.distance.isfinite()].max()) == 255**2

    def test_groups_are_cut_to_powers_of_two(self):
        near = [1, 2, 3, 5, 16, 15]
        distance = torch.stack([torch.where(torch.arange(16) < count, 10.0, 1e6) for count in near])
        index = torch.arange(6)[:, None] * 100 + torch.arange(16)
        found = {len(group): group[0].tolist() for group in by_size(Groups(index, distance), HardThreshold(0.1))}
        assert found == {1: [0], 2: [100, 200], 4: [300], 8: [500], 16: [400]}


class TestStages:
    def test_hard_threshold(self):
        stage = HardThreshold(25 * GREY)
        spectra = torch.randn(4, 5, 64)
        spectra[0, :, 0] = 1e-3
        shrunk, weight = stage.shrink(spectra, spectra)
        kept = spectra.abs() > 2.7 * 25 * GREY
        kept[0, :, 0] = True
        torch.testing.assert_close(shrunk, torch.where(kept, spectra, 0.0))
        torch.testing.assert_close(weight, 1 / kept.sum((0, 2)))

    def test_wiener(self):
        stage = Wiener(25 * GREY)
        noisy, guide = torch.randn(4, 5, 64), torch.randn(4, 5, 64)
        shrunk, weight = stage.shrink(noisy, guide)
        gain = guide**2 / (guide**2 + (50 / 255) ** 2)
        gain[0, :, 0] = 1
        torch.testing.assert_close(shrunk, gain * noisy)
        torch.testing.assert_close(weight, 1 / (gain**2).sum((0, 2)))

    @pytest.mark.parametrize(("sigma", "numbers"), [(40, (2500, 2.7, 400)), (41, (5000, 2.8, 3500))])
    def test_thresholds_by_noise(self, sigma, numbers):
        first, second = HardThreshold(sigma * GREY), Wiener(sigma * GREY)
        assert (first.nearness, first.threshold / first.sigma, second.nearness) == pytest.approx(numbers)
        assert (first.size, second.size) == (16, 32)

    def test_a_stage_is_its_definition(self):
        """Against a plain version with loops over references and blocks; no two candidates are equally near here."""
        noisy, guide = (torch.from_numpy(unit(scene(35, 25, seed)[1])) for seed in (0, 1))
        for images, stage in (([noisy], HardThreshold(25 * GREY)), ([noisy, guide], Wiener(41 * GREY))):
            torch.testing.assert_close(filtered(images, stage), _plain(images, stage), rtol=0, atol=1e-6)


def _plain(images, stage):
    noisy, guide = (image.double() for image in (images[0], images[-1]))
    numbers = whole_numbers(images[-1].clamp(-1, 1)).numpy()
    matrix = bior15(8) if isinstance(stage, HardThreshold) else dct(8)
    window = kaiser().reshape(8, 8).double()
    values, weights = torch.zeros(2, *noisy.shape, dtype=torch.float64)
    for y in range(0, noisy.shape[0] - 7, 3):
        for x in range(0, noisy.shape[1] - 7, 3):
            near = TestMatching().brute(numbers, y, x, stage.size)
            near = [entry[1:] for entry in near if entry[0] / 256 <= stage.nearness]
            near = near[: 2 ** int(math.log2(len(near)))]

            def spectrum(image, near=near):
                stack = torch.stack([matrix @ image[v : v + 8, u : u + 8] @ matrix.T for v, u in near])
                return torch.einsum("st,tab->sab", haar(len(near)), stack).flatten(1)[:, None]

            shrunk, weight = stage.shrink(spectrum(noisy), spectrum(guide))
            stack = torch.einsum("ts,tab->sab", haar(len(near)), shrunk.reshape(-1, 8, 8))
            for (v, u), block in zip(near, stack, strict=True):
                inverse = torch.linalg.inv(matrix)
                values[v : v + 8, u : u + 8] += weight * window * (inverse @ block @ inverse.T)
                weights[v : v + 8, u : u + 8] += weight * window
    return (values / weights).float()


class TestFrame:
    @pytest.mark.parametrize(("height", "width"), [(16, 18), (200, 19), (203, 211), (8, 9)])
    def test_pieces_have_every_reference_once_and_the_grid_ends_at_the_border(self, height, width):
        frame = Frame(height, width)
        seen = np.zeros((height + 2, width + 2), int)
        for piece in frame.pieces():
            top, left = (part.start for part in piece.place)
            rows, columns = piece.references
            seen[top : top + STEP * rows : STEP, left : left + STEP * columns : STEP] += 1
            assert rows <= CELL * 8
            assert columns <= CELL * 8
        places = np.argwhere(seen)
        assert (seen <= 1).all()
        assert (np.diff(np.unique(places[:, 0])) == STEP).all()
        assert (np.diff(np.unique(places[:, 1])) == STEP).all()
        assert places.min() == 0
        assert 0 <= places[:, 0].max() + 8 - height <= 2
        assert 0 <= places[:, 1].max() + 8 - width <= 2


class TestBm3d:
    @pytest.mark.parametrize(("sigma", "margin", "gain"), [(25, 1.5, 9), (50, 1.0, 12.4)])
    def test_beats_non_local_means(self, sigma, margin, gain):
        clean, noisy = scene(128, sigma)
        done = grey(denoise_plane(denoiser(sigma=sigma), unit(noisy), PLENTY).image)
        means = restoration.denoise_nl_means(noisy, 5, 6, h=0.8 * sigma, sigma=sigma, fast_mode=True)
        assert psnr(done, clean, 255) > psnr(means, clean, 255) + margin
        assert psnr(done, clean, 255) > psnr(noisy, clean, 255) + gain

    def test_the_second_stage_helps(self):
        clean, noisy = scene(128, 25)
        image = torch.from_numpy(unit(noisy))
        first = filtered([image], HardThreshold(25 * GREY))
        assert psnr(grey(bm3d(image, 25 * GREY).numpy()), clean, 255) > psnr(grey(first.numpy()), clean, 255) + 0.2

    @pytest.mark.parametrize(("name", "sigma"), [("bm3d", 25), ("bm3d", 60), ("bm3d-log", 15)])
    def test_tiles_equal_the_whole(self, name, sigma):
        """A core begins on no multiple of a cell, and the image is no multiple of 3."""
        noisy = unit(scene(263, sigma)[1])[:, :40]
        found = denoiser(name)
        whole = denoise_plane(found, noisy, PLENTY).image
        tiled = denoise_plane(found, noisy, found.bytes_per_pixel * (70 + 2 * found.halo) ** 2).image
        np.testing.assert_allclose(tiled, whole, rtol=0, atol=1e-5)
        assert found.known is None

    @pytest.mark.parametrize("place", [(110, 21), (0, 10)])
    def test_a_pixel_changes_none_out_of_reach(self, place):
        noisy = unit(scene(222, 25)[1])[:, :39]
        other = noisy.copy()
        other[place] += 0.8
        found = denoiser(sigma=25)
        one, two = (denoise_plane(found, image, PLENTY).image for image in (noisy, other))
        rows, columns = np.nonzero(one != two)
        seen = max(np.abs(rows - place[0]).max(), np.abs(columns - place[1]).max())
        assert 30 < seen <= found.halo == 90

    def test_little_noise_little_change(self):
        clean = unit(scene(64, 0)[0])
        changes = [np.abs(denoise_plane(denoiser(sigma=s), clean, PLENTY).image - clean).max() for s in (0, 1e-4, 0.1)]
        assert changes[0] == 0
        assert changes[1] < 1e-4
        assert changes[2] < 0.1 * 5 * GREY

    @pytest.mark.parametrize(("sigma", "tolerance"), [(None, 1e-5), (25, 1e-5), (60, 0.3 * GREY)])
    def test_a_constant_shifts_the_output(self, sigma, tolerance):
        """Almost, in strong noise: blocks are compared by rounded coefficients, which rounding errors can turn."""
        noisy = unit(scene(72, 20)[1]) / 2
        found = denoiser(sigma=sigma)
        dark, bright = (found.estimate(torch.from_numpy(noisy + np.float32(c))[None, None]) for c in (0, 30 * GREY))
        torch.testing.assert_close(bright, dark + 30 * GREY, rtol=0, atol=tolerance)

    def test_two_runs_are_identical(self):
        noisy = torch.from_numpy(unit(scene(90, 25)[1]))[None, None]
        assert torch.equal(denoiser()(noisy), denoiser()(noisy))

    @pytest.mark.parametrize("value", [-1.0, 0.0, 0.7])
    def test_flat_images_stay(self, value):
        flat = torch.full((1, 1, 40, 50), value)
        torch.testing.assert_close(denoiser(sigma=25)(flat), flat, rtol=0, atol=1e-6)
        torch.testing.assert_close(denoiser()(flat), flat, rtol=0, atol=1e-6)  # hardly any noise is measured

    @pytest.mark.parametrize("shape", [(16, 16), (17, 40), (16, 200), (25, 23)])
    def test_any_size(self, shape):
        noisy = unit(scene(200, 25)[1])[: shape[0], : shape[1]]
        done = denoise_plane(denoiser(sigma=25), noisy, PLENTY).image
        assert done.shape == shape
        assert np.isfinite(done).all()

    def test_measures_the_noise_of_each_image(self):
        _, noisy = scene(48, 25)
        images = torch.from_numpy(np.stack([unit(noisy), unit(noisy) / 3]))[:, None]
        found = denoiser()
        for number, alone in enumerate(images.split(1)):
            torch.testing.assert_close(found(images)[number : number + 1], found(alone), rtol=0, atol=0)


class TestLog:
    def test_there_and_back(self):
        image = torch.linspace(-1.5, 1.5, 1001)
        torch.testing.assert_close(exponential(logarithm(image)), image, rtol=0, atol=1e-5)
        torch.testing.assert_close(logarithm(torch.tensor([-1.0, 1.0])), torch.tensor([-1.0, 1.0]))
        assert (logarithm(image).diff() > 0).all()

    def test_wins_where_noise_grows_with_brightness(self):
        clean = 20 + scene(128, 0)[0] * 0.7
        noisy = clean * np.random.default_rng(2).lognormal(0, 0.3, clean.shape)
        plain, log = (
            psnr(grey(denoise_plane(denoiser(name), unit(noisy), PLENTY).image), clean, 255)
            for name in ("bm3d", "bm3d-log")
        )
        assert log > plain + 0.5
        assert log > psnr(noisy, clean, 255) + 5


class TestOracle:
    def batches(self, count):
        generator = torch.Generator().manual_seed(3)
        clean = [torch.rand(4, 1, 32, 32, generator=generator) for _ in range(count)]
        return [{"noisy": x + 0.1 + 0.2 * torch.randn(x.shape, generator=generator), "pairs": x} for x in clean]

    def test_learns_the_deviation_of_all_patches(self):
        method = build(make_recipe("bm3d-oracle"))
        batches = self.batches(6)
        for number, batch in enumerate(batches, 1):
            losses = method.step(batch, number)
        noise = torch.cat([batch["noisy"] - batch["pairs"] for batch in batches])
        torch.testing.assert_close(method.denoiser.sigma, noise.std(correction=0), rtol=1e-5, atol=0)
        assert float(losses["sigma"]) == pytest.approx(float(noise.std()) * 127.5, rel=1e-3)
        image = torch.from_numpy(unit(scene(48, 25)[1]))
        expected = bm3d(image, float(method.denoiser.sigma)).clamp(-1, 1)
        torch.testing.assert_close(method.denoiser(image[None, None])[0, 0], expected)

    def test_goes_on_from_its_state(self):
        one, two = (build(make_recipe("bm3d-oracle")) for _ in range(2))
        *first, last = self.batches(4)
        for number, batch in enumerate(first, 1):
            one.step(batch, number)
        two.load_state_dict(one.state_dict())
        assert one.step(last, 4) == two.step(last, 4)
        assert torch.equal(one.denoiser.sigma, two.denoiser.sigma)

    def test_what_it_needs_and_gives(self):
        method = method_class("bm3d-oracle")
        assert (method.supervision, method.kinds) == (Supervision.PAIRED, ("noisy", "pairs"))
        assert list(build(make_recipe("bm3d-oracle")).denoiser.state_dict()) == ["sigma"]

    def test_beats_the_noisy_image(self, learned):
        before, after = learned("bm3d-oracle", steps=20, noisy_psnr=18)
        assert after > before + 7
