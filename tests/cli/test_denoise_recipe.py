"""`pellucid denoise --recipe`: without a trained run."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

import pellucid
from pellucid.errors import IncompleteError, InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array
from pellucid.methods import make_recipe
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

NANOMETRES = PixelSize({"Z": 30.0, "Y": 8.0, "X": 8.0}, "nm")
TINY = {"width": 3, "steps": 3, "patch": 32, "passes": 2}
TINY_OPTIONS = ["--recipe", "self2self", "--device", "cpu", "--set", *(f"{key}={value}" for key, value in TINY.items())]


@pytest.fixture(scope="module")
def noisy():
    """A stack (3, 70, 90)."""
    return simulate(tissue((3, 70, 90), seed=4), "film", seed=3)


def read(path):
    image = open_image(path)
    return np.stack([plane.read() for plane in image.planes]).reshape(image.shape)


@pytest.mark.parametrize("name", ["a.tif", "a.h5:/volumes/raw", "a.npy", "a.zarr"])
def test_format_type_axes_and_pixel_size_stay(name, noisy, tmp_path, command):
    size = None if name.endswith(("raw", "npy")) else NANOMETRES
    write_array(f"{tmp_path}/in/{name}", noisy, axes="ZYX", pixel_size=size)
    result = command("denoise", f"{tmp_path}/in/{name}", tmp_path / "out", "--recipe", "gaussian", "--preset", "paper")
    assert result.status == 0, result.err
    assert "gaussian (paper) on " in result.err
    before, after = open_image(f"{tmp_path}/in/{name}"), open_image(f"{tmp_path}/out/{name}")
    for attribute in ("axes", "shape", "dtype", "pixel_size"):
        assert getattr(after, attribute) == getattr(before, attribute), attribute
    denoised = read(f"{tmp_path}/out/{name}")
    assert denoised.std(axis=(1, 2)).max() < noisy.std(axis=(1, 2)).min()  # it is smoother, each plane by itself
    assert np.array_equal(denoised, pellucid.denoise(noisy, recipe="gaussian", preset="paper"))


@pytest.mark.parametrize(("dtype", "scale"), [("uint16", 101), ("int16", -100), ("float32", 1e-3)])
def test_black_and_white_are_those_of_the_images(dtype, scale, noisy, tmp_path, command):
    """Brightness and contrast of another pixel type make no difference, but for what lies beyond the percentiles."""
    given = (noisy[0] * np.float64(scale)).astype(dtype)
    write_array(tmp_path / "a.tif", given)
    assert command("denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--recipe", "median").status == 0
    expected = np.asarray(pellucid.denoise(noisy[0], recipe="median"), float)
    result = read(tmp_path / "b.tif")
    assert result.dtype == dtype
    assert np.abs(result / scale - expected).max() <= 1


def test_a_range_says_what_is_black_and_white(noisy, tmp_path, command):
    write_array(tmp_path / "a.tif", noisy[0])
    narrow = command(
        "denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--recipe", "noisy", "--intensity-range", 100, 150
    )
    assert narrow.status == 0, narrow.err
    assert np.array_equal(read(tmp_path / "b.tif"), noisy[0].clip(100, 150))
    assert np.array_equal(
        pellucid.denoise(noisy[0], recipe="noisy", intensity_range=(100, 150)), noisy[0].clip(100, 150)
    )


def test_noise_and_tiles_and_overwrite(noisy, tmp_path, command, refused):
    write_array(tmp_path / "a.tif", noisy[0])
    options = ["denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--recipe", "gaussian", "--noise"]
    assert command(*options).status == 0
    whole = read(tmp_path / "b.tif")
    assert np.abs(noisy[0] - read(tmp_path / "noise" / "b.tif") - whole).max() <= 0.5 + 1e-4
    assert "b.tif: exists already" in refused(*options)
    assert command(*options, "--memory", "110K", "--overwrite").status == 0
    assert np.array_equal(read(tmp_path / "b.tif"), whole)


def test_settings_are_those_of_the_recipe(noisy, tmp_path, command, refused):
    write_array(tmp_path / "a.tif", noisy[0])
    given = ["denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--recipe", "gaussian", "--set"]
    assert command(*given, "seed=3").status == 0
    assert "unknown setting 'sede': did you mean 'seed'?" in refused(*given, "sede=3")
    assert "unknown recipe 'gausian': did you mean 'gaussian'?" in refused(*given[:3], "--recipe", "gausian")


def test_what_learns_first_is_sent_to_train(pictures, tmp_path, refused):
    for name in ("proposed", "noise2void"):
        line = refused("denoise", pictures / "noisy", tmp_path / "out", "--recipe", name)
        assert f"{name} learns first: pellucid train --recipe {name} ... --out RUN, then --model RUN" in line
        with pytest.raises(InputError, match="learns first"):
            pellucid.denoise(str(pictures / "noisy"), tmp_path / "out", recipe=name)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "line"),
    [
        (["--set", "seed=1"], "preset and settings go with a recipe"),
        (["--model", "run", "--recipe", "median"], "both a model and a recipe were given: choose"),
        (["--model", "run", "--set", "seed=1"], "preset and settings go with a recipe"),
        (["--model", "run", "--preset", "paper"], "preset and settings go with a recipe"),
        (["--recipe", "median", "--weights", "last"], "weights go with a model"),
    ],
)
def test_a_model_or_a_recipe_and_what_belongs_to_it(options, line, pictures, tmp_path, refused):
    assert line in refused("denoise", pictures / "noisy", tmp_path / "out", *options)


def test_an_image_too_large_for_a_method_without_tiles_is_named(noisy, tmp_path, refused):
    write_array(tmp_path / "a.tif", noisy[0])
    line = refused("denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--recipe", "wavelet", "--memory", "1K")
    assert "a.tif" in line
    assert "70×90 pixels takes" in line
    assert "allow more by --memory" in line
    assert not (tmp_path / "b.tif").exists()


def test_self2self_denoises_files_and_shows_how_far_it_is(noisy, tmp_path, command):
    tifffile.imwrite(tmp_path / "a.tif", noisy[:2], metadata={"axes": "ZYX"})
    result = command("denoise", tmp_path / "a.tif", tmp_path / "b.tif", *TINY_OPTIONS)
    assert result.status == 0, result.err
    assert "denoising" in result.err
    assert "10/10" in result.err  # two planes of three steps and two passes
    done = read(tmp_path / "b.tif")
    assert (done.shape, done.dtype) == ((2, 70, 90), np.uint8)
    assert np.array_equal(done, pellucid.denoise(noisy[:2], recipe="self2self", **TINY))  # the same once more


def test_self2self_is_not_trained_beforehand(pictures, tmp_path, refused):
    line = refused("train", "--recipe", "self2self", "--noisy", pictures / "noisy", "--out", tmp_path / "run")
    assert "learns from each image while it denoises: use pellucid denoise INPUT OUTPUT --recipe self2self" in line
    assert not (tmp_path / "run").exists()


@pytest.fixture
def mixed(noisy, tmp_path):
    """A folder as microscopes leave it: images, notes, a picture of another type, a screenshot, half a file."""
    folder = tmp_path / "mixed"
    for name, array in {"a1.tif": noisy[0], "a2.tif": noisy[1], "a10.tif": noisy[2]}.items():
        write_array(folder / name, array)
    write_array(folder / "b16.tif", noisy[0].astype(np.uint16) * 100)
    tifffile.imwrite(folder / "screenshot.tif", np.stack([noisy[0], noisy[1], noisy[2]], -1), photometric="rgb")
    (folder / "torn.tif").write_bytes((folder / "a1.tif").read_bytes()[:100])
    (folder / "notes.txt").write_text("a note")
    (folder / "below").mkdir()
    return folder


def test_a_mixed_folder_gives_what_can_be_done_and_names_the_rest(mixed, tmp_path, command):
    result = command("denoise", mixed, tmp_path / "out", "--recipe", "gaussian")
    assert result.status == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a1.tif", "a10.tif", "a2.tif"]
    assert not list(tmp_path.glob("*.unfinished"))
    lines = result.err.splitlines()
    assert "warning: left out because they cannot be used: 3 of 6 files; they are named at the end" in lines
    assert lines[-1].startswith("pellucid: left out 3 of 6 files, the others are done: ")
    for name in ("b16.tif: has uint16 pixels, but ", "screenshot.tif: is a colour image", "torn.tif: "):
        assert name in lines[-1]
    assert [line.partition("  ")[0].rpartition("/")[2] for line in lines if "clipped;" in line] == [
        "a1.tif",
        "a2.tif",
        "a10.tif",
    ]
    assert "exists already" in command("denoise", mixed, tmp_path / "out", "--recipe", "gaussian").err


def test_a_mixed_folder_in_python(mixed, tmp_path):
    with pytest.raises(IncompleteError, match=r"left out 3 of 6 files.*b16\.tif") as told:
        pellucid.denoise(mixed, tmp_path / "out", recipe="gaussian")
    assert [written.path.name for written in told.value.done] == ["a1.tif", "a2.tif", "a10.tif"]


def test_the_type_of_a_model_says_which_images_of_a_mixed_folder_are_meant(mixed, noisy, tmp_path):
    model = pellucid.Model.for_images(make_recipe("gaussian"), noisy.astype(np.uint16) * 100, device="cpu")
    with pytest.raises(IncompleteError, match="left out 5 of 6 files"):
        model.denoise(mixed, tmp_path / "out")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["b16.tif"]
    with pytest.raises(InputError, match="uint8 pixels, but the model was trained on uint16"):
        model.denoise(mixed / "a1.tif", tmp_path / "a.tif")


def test_a_dry_run_names_what_would_be_left_out(mixed, tmp_path, refused):
    line = refused("denoise", mixed, tmp_path / "out", "--recipe", "gaussian", "--dry-run", status=1)
    assert "3 of 6 files" in line
    assert not (tmp_path / "out").exists()


def test_inspect_shows_what_can_be_used_and_names_the_rest(mixed, pictures, command):
    result = command("inspect", "--clean", pictures / "clean", "--noisy", mixed)
    assert result.status == 1
    assert any(line.startswith("│ files") and "3 │" in line for line in result.err.splitlines())
    assert "pellucid: not usable, and left out: " in result.err.splitlines()[-1]


def test_images_that_are_passed_over_are_named_once(noisy, tmp_path, command):
    write_array(tmp_path / "in" / "a.tif", noisy[0])
    (tmp_path / "in" / "c.czi").touch()
    for call in (("denoise", tmp_path / "in", tmp_path / "out", "--recipe", "gaussian"),
                 ("inspect", "--noisy", tmp_path / "in")):  # fmt: skip
        result = command(*call)
        assert result.status == 0
        (line,) = [line for line in result.err.splitlines() if "c.czi" in line]
        assert line.startswith(f"warning: {tmp_path / 'in'}: passed over c.czi")


def test_train_and_evaluate_refuse_a_mixed_folder_and_name_all(mixed, pictures, tmp_path, refused):
    for line in (
        refused("train", "--clean", pictures / "clean", "--noisy", mixed, "--out", tmp_path / "run"),
        refused("evaluate", mixed, pictures / "truth"),
    ):
        assert all(name in line for name in ("b16.tif", "screenshot.tif", "torn.tif"))


def test_the_folder_one_is_in_is_an_output_too(noisy, tmp_path, command, monkeypatch):
    write_array(tmp_path / "in" / "zélle [1] 図.tif", noisy[0])
    (tmp_path / "here" / "below").mkdir(parents=True)
    for output, place in ((".", "here/below"), ("..", "here")):
        monkeypatch.chdir(tmp_path / "here" / "below")
        result = command("denoise", tmp_path / "in", output, "--recipe", "gaussian")
        assert result.status == 0, result.err
        assert [path.name for path in (tmp_path / place).iterdir() if path.is_file()] == ["zélle [1] 図.tif"]


def test_a_wrong_call_points_to_the_help_of_its_command(refused):
    assert refused("denoise", "a.tif", "b.tif", "c.tif", "--recipe", "noisy").endswith("(see pellucid denoise --help)")
    assert refused("frobnicate").endswith("(see pellucid --help)")


def test_a_file_that_is_damaged_within_keeps_no_other_from_being_done(noisy, tmp_path, command):
    for number in range(3):
        path = tmp_path / "in" / f"a{number}.tif"
        path.parent.mkdir(exist_ok=True)
        tifffile.imwrite(path, noisy[number], compression="zlib", photometric="minisblack")
    torn = bytearray((tmp_path / "in" / "a1.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "in" / "a1.tif") as file:
        (start,), (count,) = file.pages[0].dataoffsets, file.pages[0].databytecounts
    torn[start + 20 : start + count] = bytes(count - 20)
    (tmp_path / "in" / "a1.tif").write_bytes(torn)
    result = command("denoise", tmp_path / "in", tmp_path / "out", "--recipe", "gaussian")
    assert result.status == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["a0.tif", "a2.tif"]
    assert sum("clipped;" in line for line in result.err.splitlines()) == 2
    assert "a1.tif" in result.err.splitlines()[-1]


def test_padding_is_told_and_no_cause_for_warning(noisy, tmp_path, command, capsys):
    canvas = np.pad(noisy[0], ((0, 0), (96, 0)))
    write_array(tmp_path / "a.png", canvas)
    result = command("denoise", tmp_path / "a.png", tmp_path / "out.png", "--recipe", "gaussian")
    assert result.status == 0, result.err
    pellucid.denoise(canvas, recipe="gaussian", device="cpu")
    for said in (result.err, capsys.readouterr().err):
        (line,) = [line for line in said.splitlines() if " % of all pixels are padding" in line]
        assert not line.startswith("warning:")


@pytest.mark.parametrize("axes", ["TYX", "ZYX"])
def test_frames_are_averaged_when_asked(axes, noisy, tmp_path, command):
    write_array(tmp_path / "a.tif", noisy, axes=axes)
    options = ["--recipe", "gaussian", "--frames", "average", "--intensity-range", 0, 255]
    result = command("denoise", tmp_path / "a.tif", tmp_path / "b.tif", *options)
    assert result.status == 0, result.err
    taken = "has no axis T, so its planes along Z are taken for frames"
    assert (taken in " ".join(result.err.split())) == (axes == "ZYX")
    mean = noisy.mean(0).astype(np.float32)
    expected = pellucid.denoise(mean, recipe="gaussian", intensity_range=(0, 255))
    np.testing.assert_allclose(read(tmp_path / "b.tif"), expected, atol=1e-3)
    by_python = pellucid.denoise(tmp_path / "a.tif", tmp_path / "c.tif", recipe="gaussian", frames="average")
    assert read(by_python).shape == mean.shape


def test_the_order_of_a_folder_can_be_said(noisy, tmp_path, command, refused):
    for number, name in enumerate(("s10", "s2")):
        write_array(tmp_path / "in" / f"{name}.png", noisy[number])
    (tmp_path / "order.txt").write_text("s10.png\ns2.png\n")
    options = ["denoise", tmp_path / "in", tmp_path / "out", "--recipe", "gaussian", "--dry-run", "--order"]
    for order, first in {"natural": "s2", tmp_path / "order.txt": "s10"}.items():
        assert f"{first}.png and 1 more" in command(*options, order).err
    assert "--order nmae: is neither" in refused(*options, "nmae")
