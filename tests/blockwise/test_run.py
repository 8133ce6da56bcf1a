from __future__ import annotations

import shutil
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from pellucid.blockwise.denoised_files import padding_of
from pellucid.blockwise.plan import DenoiseOptions, make_plan
from pellucid.blockwise.run import denoise_source, dry_run
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.evaluation import removed_noise
from pellucid.inference import denoise_plane
from pellucid.io.pixel_size import PixelSize
from pellucid.io.pyramid import downsample
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array

from . import made

SIZE = PixelSize({"Z": 30.0, "Y": 8.0, "X": 8.0}, "nm")


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """So that what is compared to the bit is."""


def wholly(array):
    """Every plane denoised by itself."""
    spec = made.spec()
    planes = [
        np.rint(
            spec.intensity_range.denormalize(
                denoise_plane(spec.denoiser, spec.intensity_range.normalize(plane), 1e9).image
            )
        )
        for plane in array.reshape(-1, *array.shape[-2:])
    ]
    return np.reshape(planes, array.shape).clip(0, 255).astype(array.dtype)


def assert_close(one, other):
    """But for rounding."""
    assert one.dtype == other.dtype
    assert np.abs(one.astype(float) - other).max() <= 1
    assert np.mean(one != other) < 1e-3


@pytest.mark.parametrize("shape", [(61, 83), (1, 61, 83), (3, 50, 70), (2, 2, 3, 40, 52), (1, 1, 1, 64, 64)])
@pytest.mark.parametrize("memory", [made.PLENTY, made.LITTLE])
def test_every_plane_is_denoised_as_by_itself_whatever_the_memory(shape, memory, tmp_path):
    axes = "TCZYX"[-len(shape) :]
    write_array(tmp_path / "a.zarr", made.stack(shape), axes=axes)
    (written,) = made.run(tmp_path / "a.zarr", tmp_path / "b.zarr", memory, statistics="exact")
    assert_close(made.read(tmp_path / "b.zarr"), wholly(made.stack(shape)))
    assert open_image(tmp_path / "b.zarr").axes == axes
    assert (written.missing, written.kept, written.clipped.pixels) == (0, 0, made.stack(shape).size)
    removed = removed_noise(made.stack(shape), made.read(tmp_path / "b.zarr"))
    assert np.ravel(written.removed) == pytest.approx(np.ravel(removed))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zarr", "b.zarr"]


@pytest.mark.parametrize("statistics", ["exact", "sampled", "trained"])
def test_a_region_is_that_part_of_the_whole(statistics, tmp_path):
    write_array(tmp_path / "a.zarr", made.stack((5, 61, 83)), axes="ZYX", pixel_size=SIZE)
    options = {"statistics": statistics, "memory": made.LITTLE}
    made.run(tmp_path / "a.zarr", tmp_path / "whole.zarr", **options)
    made.run(tmp_path / "a.zarr", tmp_path / "part.zarr", region="2:4,13:60,31:82", **options)
    part, whole = made.read(tmp_path / "part.zarr"), made.read(tmp_path / "whole.zarr")
    assert_close(part, whole[2:4, 13:60, 31:82])
    image = open_image(tmp_path / "part.zarr")
    assert image.pixel_size == SIZE
    assert image.style.translation == {"Z": 60.0, "Y": 104.0, "X": 248.0}


@pytest.mark.parametrize("statistics", ["sampled", "trained"])
def test_bfloat16_gives_almost_the_same(statistics, tmp_path):
    write_array(tmp_path / "a.npy", made.stack((5, 61, 83)), axes="ZYX")
    made.run(tmp_path / "a.npy", tmp_path / "exact.npy", statistics=statistics)
    made.run(tmp_path / "a.npy", tmp_path / "fast.npy", statistics=statistics, amp=True)
    exact, fast = (made.read(tmp_path / f"{name}.npy").astype(float) for name in ("exact", "fast"))
    assert 0 < np.abs(fast - exact).mean() < 1


def test_a_region_of_planes_that_fit_into_memory(tmp_path):
    write_array(tmp_path / "a.npy", made.stack((5, 61, 83)), axes="ZYX")
    made.run(tmp_path / "a.npy", tmp_path / "part.npy", region="1:3,-30:,:40")
    assert_close(made.read(tmp_path / "part.npy"), wholly(made.stack((5, 61, 83)))[1:3, -30:, :40])


def test_thin_slabs_of_a_long_volume_have_the_same_statistics_in_a_region(tmp_path, monkeypatch):
    monkeypatch.setattr("pellucid.blockwise.z_series._WORTH", 1.0)  # slabs of eight planes
    write_array(tmp_path / "a.npy", made.stack((26, 40, 48)), axes="ZYX")
    made.run(tmp_path / "a.npy", tmp_path / "whole.npy", made.LITTLE, statistics="sampled")
    made.run(tmp_path / "a.npy", tmp_path / "part.npy", made.LITTLE, statistics="sampled", region="14:21,:,:")
    assert_close(made.read(tmp_path / "part.npy"), made.read(tmp_path / "whole.npy")[14:21])


def test_each_channel_has_statistics_of_its_own(tmp_path):
    both = made.stack((2, 3, 40, 52)).copy()
    both[1] = both[1] // 4 + 100
    write_array(tmp_path / "a.zarr", both, axes="CZYX")
    write_array(tmp_path / "c.zarr", both[1], axes="ZYX")
    for name in "ac":
        made.run(tmp_path / f"{name}.zarr", tmp_path / f"{name}-done.zarr", made.LITTLE, statistics="sampled")
    assert_close(made.read(tmp_path / "a-done.zarr")[1], made.read(tmp_path / "c-done.zarr"))


def test_sections_in_a_folder_share_sampled_statistics(tmp_path):
    sections = made.stack((3, 61, 83))
    for number, section in enumerate(sections):
        write_array(tmp_path / "in" / f"{number}.png", section)
    write_array(tmp_path / "in.npy", sections, axes="ZYX")
    written = made.run(tmp_path / "in", tmp_path / "out", made.LITTLE, statistics="sampled")
    made.run(tmp_path / "in.npy", tmp_path / "out.npy", made.LITTLE, statistics="sampled")
    assert [each.path.name for each in written] == ["0.png", "1.png", "2.png"]
    for number, plane in enumerate(made.read(tmp_path / "out.npy")):
        assert_close(made.read(tmp_path / "out" / f"{number}.png"), plane)
    assert not list(tmp_path.glob("*.unfinished"))


def test_mixed_formats_and_all_that_can_be_written(tmp_path):
    names = ["a.png", "b.tif", "c.zarr", "d.npy", "e.h5"]
    for number, name in enumerate(names):
        write_array(tmp_path / "in" / name, made.stack((48, 56), seed=number))
    written = made.run(tmp_path / "in", tmp_path / "out", made.LITTLE, estimates=True, noise=True)
    assert len(written) == 5
    for number, name in enumerate(names):
        stem, _, ending = name.partition(".")
        noisy = made.stack((48, 56), seed=number).astype(float)
        done = made.read(tmp_path / "out" / name)
        noise = made.read(tmp_path / "out" / "noise" / f"{stem}.{ending if ending != 'png' else 'tif'}")
        assert noise.dtype == np.float32
        assert np.abs(noisy - noise - done).max() <= 0.5 + 1e-3
        twice = made.read(tmp_path / "out" / "estimates" / "twice" / name)
        assert np.abs((twice.astype(float) / 127.5 - 1) * 2 - (done / 127.5 - 1)).max() < 0.02


def test_coarser_levels_are_the_means_of_finer_ones(tmp_path, monkeypatch):
    monkeypatch.setattr("pellucid.io.pyramid.COARSEST", 16)
    write_array(tmp_path / "a.zarr", made.stack((3, 61, 83)), axes="ZYX")
    made.run(tmp_path / "a.zarr", tmp_path / "b.zarr", made.LITTLE, chunks=(1, 16, 16))
    levels = [made.read(tmp_path / "b.zarr" / str(number)) for number in range(4)]
    assert [level.shape for level in levels] == [(3, 61, 83), (3, 31, 42), (3, 16, 21), (3, 8, 11)]
    for finer, coarser in pairwise(levels):
        assert np.array_equal(coarser, downsample(finer, (1, 2, 2)))


# pixels and planes without anything in them


@pytest.mark.parametrize("statistics", ["exact", "sampled", "trained"])
@pytest.mark.parametrize("memory", [made.PLENTY, made.LITTLE])
def test_pixels_that_are_not_finite_are_kept_and_counted(statistics, memory, tmp_path):
    array = made.stack((2, 61, 83)).astype(np.float32)
    array[0, 3:20, 60:] = np.nan
    array[0, 5, 5], array[1, 9, 9] = np.inf, -np.inf
    holes = ~np.isfinite(array)
    np.save(tmp_path / "a.npy", array)
    (written,) = made.run(tmp_path / "a.npy", tmp_path / "b.npy", memory, statistics=statistics, noise=True)
    done = np.load(tmp_path / "b.npy")
    assert written.missing == holes.sum()
    assert written.removed.pixels == pytest.approx(removed_noise(array, done, ~holes).pixels)
    assert np.array_equal(done[holes], array[holes], equal_nan=True)
    assert np.isfinite(done[~holes]).all()
    noise = np.load(tmp_path / "noise" / "b.npy")
    np.testing.assert_allclose(noise[~holes], array[~holes] - done[~holes], atol=1e-3)


@pytest.mark.parametrize("memory", [made.PLENTY, made.LITTLE])
def test_planes_of_one_value_are_kept_and_counted(memory, tmp_path):
    array = made.stack((3, 61, 83)).copy()
    array[1] = 7
    write_array(tmp_path / "a.npy", array, axes="ZYX")
    (written,) = made.run(tmp_path / "a.npy", tmp_path / "b.npy", memory, statistics="exact", noise=True)
    assert (made.read(tmp_path / "b.npy")[1] == 7).all()
    assert (made.read(tmp_path / "noise" / "b.npy")[1] == 0).all()
    assert written.kept == 61 * 83
    assert_close(made.read(tmp_path / "b.npy")[[0, 2]], wholly(array[[0, 2]]))


@pytest.mark.parametrize("statistics", ["exact", "sampled"])
@pytest.mark.parametrize("memory", [made.PLENTY, made.LITTLE])
@pytest.mark.parametrize("value", [0, 255, np.nan, np.inf])
def test_an_image_of_one_value_is_kept(value, memory, statistics, tmp_path):
    array = np.full((2, 61, 83), value, np.float32)
    np.save(tmp_path / "a.npy", array)
    (written,) = made.run(tmp_path / "a.npy", tmp_path / "b.npy", memory, statistics=statistics)
    assert np.array_equal(np.load(tmp_path / "b.npy"), array, equal_nan=True)
    assert written.missing == (0 if np.isfinite(value) else array.size)
    if np.isfinite(value):
        assert written.kept == array.size


def test_a_blank_slab_is_kept_and_counts_for_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("pellucid.blockwise.z_series._WORTH", 1.0)  # slabs of eight planes
    array = made.stack((24, 40, 48)).copy()
    array[8:16] = 9
    write_array(tmp_path / "a.npy", array, axes="ZYX")
    (written,) = made.run(tmp_path / "a.npy", tmp_path / "b.npy", made.LITTLE, statistics="sampled")
    done = made.read(tmp_path / "b.npy")
    assert written.kept == 8 * 40 * 48
    assert (done[8:16] == 9).all()
    assert done[:8].std() > 10
    assert done[16:].std() > 10


# what is asked for


def test_statistics_are_exact_whatever_the_memory(tmp_path):
    write_array(tmp_path / "a.npy", made.stack((3, 61, 83)), axes="ZYX")
    source = open_source(str(tmp_path / "a.npy"))

    def plan(memory, **options):
        output = tmp_path / "b.npy"
        return make_plan(source, output, made.spec(memory), DenoiseOptions(**options))

    assert plan(made.PLENTY).whole
    assert (plan(made.LITTLE).whole, plan(made.LITTLE).statistics) == (False, "exact")
    assert not plan(made.PLENTY, statistics="sampled").whole
    assert plan(made.LITTLE).side < 61


def test_trained_statistics_that_nobody_noted_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(made, "trained", lambda: None)
    write_array(tmp_path / "a.npy", made.stack((61, 83)))
    with pytest.raises(InputError, match="statistics=trained: this run was trained before they were noted"):
        made.run(tmp_path / "a.npy", tmp_path / "b.npy", statistics="trained")
    assert [path.name for path in tmp_path.iterdir()] == ["a.npy"]


def test_when_memory_runs_out_the_job_goes_on_with_smaller_tiles(tmp_path, monkeypatch, capsys):
    write_array(tmp_path / "a.npy", made.stack((2, 90, 110)), axes="ZYX")
    made.run(tmp_path / "a.npy", tmp_path / "b.npy", statistics="sampled")
    estimates = made.Small.estimates

    def small_machine(self, noisy):
        if noisy.shape[2] * noisy.shape[3] > 70**2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return estimates(self, noisy)

    monkeypatch.setattr(made.Small, "estimates", small_machine)
    made.run(tmp_path / "a.npy", tmp_path / "c.npy", statistics="sampled")
    assert_close(made.read(tmp_path / "c.npy"), made.read(tmp_path / "b.npy"))
    said = capsys.readouterr().err
    sides = [side for side in (512, 256, 128, 64, 32) if f"out of memory: going on with tiles of {side} pixels" in said]
    assert sides == [512, 256, 128, 64, 32]
    assert said.count("out of memory") == 5


# before anything is done


def snapshot_and_run(tmp_path, expected, given, output, **options):
    """Refused when it is only foreseen already, and when it is to be done."""
    before = made.snapshot(tmp_path)
    for ask in (dry_run, denoise_source):
        with pytest.raises(InputError, match=expected) as told:
            ask(open_source(str(given)), output, made.spec(), DenoiseOptions(**options))
        assert "\n" not in str(told.value)
    assert made.snapshot(tmp_path) == before
    assert not list(tmp_path.rglob("*.unfinished"))


@pytest.fixture
def given(tmp_path):
    write_array(tmp_path / "a.zarr", made.stack((3, 61, 83)), axes="ZYX")
    return tmp_path / "a.zarr"


def test_a_disk_too_small_is_refused_before_anything_is_written(given, tmp_path, monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=3 * 61 * 83))
    for output in ("b.zarr", "b.tif", "new/folder/b.zarr"):
        expected = r"not enough disk: the result takes up to .* KiB and 14\.8 KiB are free; make room"
        snapshot_and_run(tmp_path, expected, given, tmp_path / output)
    made.run(given, tmp_path / "b.npy")  # fits to the byte
    assert made.read(tmp_path / "b.npy").shape == (3, 61, 83)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("a.zarr", "is inside the input"),
        ("a.zarr/b.zarr", "is inside the input"),
        ("a.zarr/0/b.zarr", "is inside the input"),
        ("file/b.zarr", "part of this path is a file"),
        ("b.jpg", "only read"),
        ("there.npy", "exists already"),
    ],
)
def test_impossible_outputs(output, expected, given, tmp_path):
    (tmp_path / "file").write_text("mine")
    np.save(tmp_path / "there.npy", np.zeros(3))
    snapshot_and_run(tmp_path, expected, given, tmp_path / output)


@pytest.mark.parametrize(
    ("output", "options", "expected"),
    [
        ("folder.zarr", {"overwrite": True}, "is a folder, which a file never replaces"),
        ("link.npy", {}, "exists already"),
    ],
)
def test_what_an_image_cannot_replace_is_refused_before_anything_is_computed(
    output, options, expected, given, tmp_path
):
    (tmp_path / "folder.zarr").mkdir()
    (tmp_path / "folder.zarr" / "notes.txt").write_text("mine")
    (tmp_path / "link.npy").symlink_to(tmp_path / "nowhere")
    snapshot_and_run(tmp_path, expected, given, tmp_path / output, **options)


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="no folder in which nobody can make anything")
@pytest.mark.parametrize("output", ["/proc/b.zarr", "/proc/self/b/b.npy"])
def test_outputs_where_nothing_can_be_made(output, given, tmp_path):
    snapshot_and_run(tmp_path, r"^/proc[^:]*: cannot be written there; choose another", given, Path(output))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"region": "0:9,0:10,0:10"}, "region"),
        ({"region": "0:10"}, "region '0:10': has 1 parts, but the image has the axes ZYX"),
        ({"region": "a:b,0:4,0:4"}, "region: 'a:b' is not a range along Z"),
        ({"region": "2:1,0:9,0:9"}, "region"),
        ({"amp": True}, "--amp: exact statistics are measured in float32.*: choose --statistics sampled or trained"),
        ({"chunks": (1, 2)}, r"chunks \(1, 2\) do not fit the axes ZYX"),
        ({"chunks": (1, 16, 16), "shards": (1, 24, 32)}, "shards"),
    ],
)
def test_impossible_options(options, expected, given, tmp_path):
    snapshot_and_run(tmp_path, expected, given, tmp_path / "b.zarr", **options)


def test_a_dry_run_tells_time_memory_and_disk_and_does_nothing(given, tmp_path, capsys):
    before = made.snapshot(tmp_path)
    source, spec, options = open_source(str(given)), made.spec(made.LITTLE), DenoiseOptions(region="1:3,0:40,0:83")
    dry_run(source, tmp_path / "b.zarr", spec, options)
    said = " ".join(capsys.readouterr().err.split())
    for words in (
        "Z 1:3, Y 0:40, X 0:83",
        "KiB a tile, 58.6 KiB allowed",
        "up to 8.6 KiB",
        "s with one worker",
        "exact: each plane's own, measured before it is denoised; --statistics sampled would save about",
    ):
        assert words in said, said
    assert made.snapshot(tmp_path) == before
    np.save(tmp_path / "b.npy", np.zeros(3))
    with pytest.raises(InputError, match="exists already"):
        dry_run(source, tmp_path / "b.npy", spec, options)


@pytest.mark.parametrize("statistics", ["exact", "sampled"])
def test_tissue_is_the_same_whatever_share_of_its_section_is_canvas(statistics, tmp_path):
    """The share changes from section to section; one is blank."""
    sections = made.stack((4, 100, 180)).clip(1)
    widths = (0, 40, 120, 180)
    for number, (section, width) in enumerate(zip(sections, widths, strict=True)):
        if width < 180:
            write_array(tmp_path / "alone" / f"{number}.npy", section[:, width:])
        section[:, :width] = 0
        write_array(tmp_path / "amid" / f"{number}.npy", section)
    for name in ("alone", "amid"):
        written = made.run(tmp_path / name, tmp_path / f"{name}-done", made.LITTLE, statistics=statistics)
    assert [file.kept for file in written] == [100 * width for width in widths]
    said = padding_of(written)
    assert said is not None
    assert said.startswith("in 3 of 4 images (1 of them blank): 47 % of all pixels are padding")
    for number, width in enumerate(widths[:-1]):
        amid = made.read(tmp_path / "amid-done" / f"{number}.npy").astype(float)
        alone = made.read(tmp_path / "alone-done" / f"{number}.npy").astype(float)
        assert (amid[:, :width] == 0).all()
        assert amid[:, width + 8 :].mean() == pytest.approx(alone[:, 8:].mean(), abs=1.5)
        assert amid[:, width + 8 :].std() == pytest.approx(alone[:, 8:].std(), rel=0.03)
