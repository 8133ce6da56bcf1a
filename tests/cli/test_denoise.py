from __future__ import annotations

import json
import os
import re
import shutil
import signal
from functools import partial

import numpy as np
import pytest
import tifffile
import torch
from skimage.metrics import peak_signal_noise_ratio

from pellucid.blockwise.worker import BlockWorker
from pellucid.cli import main
from pellucid.evaluation import removed_noise
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array
from pellucid.methods import iscl
from pellucid.model import Model
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue
from tests.processes import dies

NANOMETRES = PixelSize({"Y": 8.0, "X": 8.0}, "nm")


@pytest.fixture(scope="module")
def noisy():
    """A stack (3, 70, 90)."""
    return simulate(tissue((3, 70, 90), seed=4), "film", seed=3)


@pytest.fixture(scope="module")
def model(trained):
    return Model.load(trained, device="cpu")


def read(path):
    image = open_image(path)
    return np.stack([plane.read() for plane in image.planes]).reshape(image.shape)


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("name", "axes", "size"),
    [
        ("a.png", "YX", None),
        ("a.tif", "YX", NANOMETRES),
        ("a.tif", "ZYX", PixelSize({"Z": 30.0, "Y": 8.0, "X": 8.0}, "nm")),
        ("a.tif", "TYX", NANOMETRES),
        ("a.h5:/volumes/raw", "ZYX", None),
        ("a.npy", "ZYX", None),
        ("a.zarr", "ZYX", PixelSize({"Z": 30.0, "Y": 8.0, "X": 8.0}, "nm")),
    ],
)
def test_format_type_axes_and_pixel_size_stay(name, axes, size, noisy, trained, model, tmp_path, command):
    array = noisy[0] if axes == "YX" else noisy
    given = f"{tmp_path}/in/{name}"
    write_array(given, array, axes=axes, pixel_size=size)
    result = command("denoise", given, tmp_path / "out", "--model", trained)
    assert result.status == 0, result.err
    assert re.search(
        r"out/a\.\w+  (result not|.* % of the result) clipped; mean \d.* -> .*, standard deviation ", result.err
    )

    before, after = open_image(given), open_image(f"{tmp_path}/out/{name}")
    for attribute in ("axes", "shape", "dtype", "pixel_size"):
        assert getattr(after, attribute) == getattr(before, attribute), attribute
    assert np.array_equal(read(f"{tmp_path}/out/{name}"), model.denoise(array))
    assert np.ravel(model.removed) == pytest.approx(np.ravel(removed_noise(array, read(f"{tmp_path}/out/{name}"))))
    assert not np.array_equal(read(f"{tmp_path}/out/{name}"), array)


def test_mrc_holds_8_bits_as_16_and_says_so(noisy, trained, model, tmp_path, command):
    """MRC has no uint8: what was written as such is uint16 when read, which the model asks a range for."""
    write_array(tmp_path / "a.mrc", noisy.astype(np.uint16), pixel_size=NANOMETRES)
    result = command("denoise", tmp_path / "a.mrc", tmp_path / "b.mrc", "--model", trained, "--intensity-range", 0, 255)
    assert result.status == 0, result.err
    before, after = open_image(tmp_path / "a.mrc"), open_image(tmp_path / "b.mrc")
    assert (after.axes, after.shape, after.dtype) == (before.axes, before.shape, np.uint16)
    assert after.pixel_size.to("nm").values["X"] == pytest.approx(8)
    assert np.array_equal(read(tmp_path / "b.mrc"), model.denoise(noisy))


def test_imagej_files_stay_imagej_files(noisy, trained, tmp_path, command):
    tifffile.imwrite(
        tmp_path / "a.tif", noisy, imagej=True, resolution=(125.0, 125.0), metadata={"axes": "ZYX", "unit": "um"}
    )
    assert command("denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--model", trained).status == 0
    with tifffile.TiffFile(tmp_path / "b.tif") as file:
        assert file.is_imagej
        assert file.series[0].axes == "ZYX"
        assert file.pages[0].tags["XResolution"].value == (125, 1)


def test_a_folder_a_glob_and_one_file(pictures, trained, tmp_path, command):
    folders = pictures / "noisy", tmp_path / "all"
    told = command("denoise", pictures / "noisy", tmp_path / "all", "--model", trained)
    assert told.status == 0
    given, done = (np.concatenate([read(file) for file in sorted(of.iterdir())]) for of in folders)
    assert f"all 3 files: {removed_noise(given, done)}" in told.err
    assert sorted(path.name for path in (tmp_path / "all").iterdir()) == ["b0.png", "b1.png", "b2.png"]
    assert command("denoise", f"{pictures}/noisy/b[01]*", tmp_path / "two", "--model", trained).status == 0
    assert sorted(path.name for path in (tmp_path / "two").iterdir()) == ["b0.png", "b1.png"]
    assert command("denoise", pictures / "noisy" / "b2.png", tmp_path / "one.png", "--model", trained).status == 0
    for one, other in (("two/b1.png", "all/b1.png"), ("one.png", "all/b2.png")):
        assert (tmp_path / one).read_bytes() == (tmp_path / other).read_bytes()


def test_estimates_and_noise(pictures, trained, tmp_path, command):
    given = pictures / "noisy" / "b0.png"
    assert command("denoise", given, tmp_path / "d.png", "--model", trained, "--estimates", "--noise").status == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.png", "estimates", "noise"]
    noisy, done, noise = (
        read(path).astype(float) for path in (given, tmp_path / "d.png", tmp_path / "noise" / "d.tif")
    )
    assert read(tmp_path / "noise" / "d.tif").dtype == np.float32
    assert np.abs(noisy - noise - done).max() <= 0.5 + 1e-4  # the result is rounded, the noise is not
    parts = np.stack([read(tmp_path / "estimates" / name / "d.png").astype(float) for name in ("F", "x-H")])
    unclipped = ((parts > 0) & (parts < 255)).all(0)
    assert unclipped.mean() > 0.5
    assert np.abs(parts.mean(0) - done)[unclipped].max() <= 1.5
    assert np.abs(parts[0] - parts[1]).max() > 3


@pytest.mark.parametrize("options", [[], ["--statistics", "trained", "--noise"]])
def test_one_estimate_alone_is_its_part_of_both(options, pictures, trained, tmp_path, command):
    given = pictures / "noisy" / "b0.png"
    assert command("denoise", given, tmp_path / "d.png", "--model", trained, "--estimates", *options).status == 0
    for part in ("F", "x-H"):
        alone = tmp_path / f"{part}.png"
        assert command("denoise", given, alone, "--model", trained, "--only", part, *options).status == 0
        assert np.array_equal(read(alone), read(tmp_path / "estimates" / part / "d.png"))


def test_bfloat16_is_a_wish(pictures, trained, tmp_path, command, refused):
    given = pictures / "noisy" / "b0.png"
    for name, options in {"exact": [], "fast": ["--amp"]}.items():
        options += ["--model", trained, "--statistics", "trained"]
        assert command("denoise", given, tmp_path / f"{name}.png", *options).status == 0
    exact, fast = (read(tmp_path / f"{name}.png").astype(float) for name in ("exact", "fast"))
    assert np.abs(fast - exact).mean() < 1
    assert "--amp: this method has no networks" in refused(
        "denoise", given, tmp_path / "b.png", "--recipe", "gaussian", "--amp"
    )


def test_estimates_of_hdf5_have_files_of_their_own(noisy, trained, tmp_path, command):
    write_array(tmp_path / "a.h5:/raw", noisy[0])
    assert (
        command("denoise", f"{tmp_path}/a.h5:/raw", f"{tmp_path}/b.h5:/x/y", "--model", trained, "--estimates").status
        == 0
    )
    assert [open_image(f"{tmp_path}/{name}.h5:/x/y").shape for name in ("b", "estimates/F/b", "estimates/x-H/b")] == [
        (70, 90)
    ] * 3


def test_little_memory_means_tiles_and_the_same_pixels(trained, tmp_path, command, monkeypatch):
    write_array(tmp_path / "a.png", simulate(tissue((160, 160), seed=8), "film", seed=1))
    pieces = []

    def watch(kind, name):
        usual = getattr(kind, name)
        monkeypatch.setattr(kind, name, lambda self, noisy: pieces.append(noisy.shape) or usual(self, noisy))

    watch(iscl.IsclDenoiser, "estimates")  # of the whole
    watch(iscl.GeneratorAlone, "estimate")  # of tiles
    assert command("denoise", tmp_path / "a.png", tmp_path / "whole.png", "--model", trained).status == 0
    assert pieces == [(1, 1, 160, 160)]
    pieces.clear()
    tiled = command("denoise", tmp_path / "a.png", tmp_path / "tiles.png", "--model", trained, "--memory", "1900K")
    assert tiled.status == 0
    assert len(pieces) > 3
    difference = np.abs(read(tmp_path / "whole.png").astype(int) - read(tmp_path / "tiles.png"))
    assert difference.max() <= 1
    assert np.count_nonzero(difference) <= difference.size / 1000


def test_last_and_average_weights_differ_and_the_recipe_chooses(pictures, trained, tmp_path, command):
    given = pictures / "noisy" / "b0.png"
    for weights in ("last", "average"):
        assert (
            command("denoise", given, tmp_path / f"{weights}.png", "--model", trained, "--weights", weights).status == 0
        )
    assert "(average weights)" in command("denoise", given, tmp_path / "chosen.png", "--model", trained).err
    assert not np.array_equal(read(tmp_path / "last.png"), read(tmp_path / "average.png"))
    assert np.array_equal(read(tmp_path / "chosen.png"), read(tmp_path / "average.png"))


def test_another_pixel_type_is_refused_with_the_remedy(noisy, trained, tmp_path, refused):
    for dtype in ("uint16", "int8", "float32"):
        path = tmp_path / f"{dtype}.tif"
        write_array(path, noisy[0].astype(dtype))
        line = refused("denoise", path, tmp_path / "out.tif", "--model", trained)
        assert f"{dtype}.tif: has {dtype} pixels, but the model was trained on uint8: convert them, or" in line
        assert "--intensity-range LOW HIGH" in line
    assert not (tmp_path / "out.tif").exists()


@pytest.mark.parametrize(("dtype", "scale"), [("uint16", 257), ("float32", 1 / 255)])
def test_a_range_makes_other_pixel_types_good(dtype, scale, noisy, trained, model, tmp_path, command):
    write_array(tmp_path / "a.tif", (noisy[0] * np.float64(scale)).astype(dtype))
    high = 255 * scale
    done = command("denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--model", trained, "--intensity-range", 0, high)
    assert done.status == 0, done.err
    result = read(tmp_path / "b.tif")
    assert result.dtype == dtype
    assert np.abs(result / scale - model.denoise(noisy[0])).max() <= 0.51


def test_a_range_the_wrong_way_round_is_refused(pictures, trained, tmp_path, refused):
    line = refused("denoise", pictures / "noisy", tmp_path / "out", "--model", trained, "--intensity-range", 255, 0)
    assert "give two finite numbers, the lower first" in line


@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_models_of_other_pixel_types_take_those(dtype, trained, tmp_path, command, noisy):
    """A model trained on 16 bits or floats, here the same weights with the range that such a training would store."""
    run = shutil.copytree(trained, tmp_path / "run")
    described = (run / "model.json").read_text()
    (run / "model.json").write_text(described.replace('"uint8"', f'"{dtype}"').replace("255.0", "1020.0"))
    write_array(tmp_path / "a.tif", noisy[0].astype(dtype) * 4)
    assert command("denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--model", run).status == 0
    expected = Model.load(trained).denoise(noisy[0]).astype(float)
    assert np.abs(read(tmp_path / "b.tif") / 4 - expected).max() <= 0.63


def test_outputs_that_exist_are_refused_and_nothing_changes(pictures, trained, tmp_path, refused, command):
    out = tmp_path / "out"
    write_array(out / "b1.png", np.zeros((20, 20), np.uint8))
    before = snapshot(out)
    assert "b1.png: exists already" in refused("denoise", pictures / "noisy", out, "--model", trained)
    assert snapshot(out) == before
    assert command("denoise", pictures / "noisy", out, "--model", trained, "--overwrite").status == 0
    assert read(out / "b1.png").shape == (96, 96)


def test_an_existing_part_is_refused_too(pictures, trained, tmp_path, refused):
    write_array(tmp_path / "estimates" / "F" / "b1.png", np.zeros((20, 20), np.uint8))
    before = snapshot(tmp_path)
    line = refused("denoise", pictures / "noisy", tmp_path, "--model", trained, "--estimates")
    assert "estimates/F/b1.png: exists already" in line
    assert snapshot(tmp_path) == before


def test_two_inputs_of_one_name_are_refused(pictures, trained, tmp_path, refused):
    for folder in ("x", "y"):
        write_array(tmp_path / folder / "a.png", np.zeros((20, 20), np.uint8))
    line = refused("denoise", f"{tmp_path}/*/a.png", tmp_path / "out", "--model", trained)
    assert "several outputs would be named a.png" in line
    assert not (tmp_path / "out").exists()


def test_noise_must_not_take_the_name_of_other_noise(trained, tmp_path, refused):
    for name in ("a.png", "a.tif"):
        write_array(tmp_path / "in" / name, np.zeros((20, 20), np.uint8))
    line = refused("denoise", tmp_path / "in", tmp_path / "out", "--model", trained, "--noise")
    assert "several outputs would be named a.tif" in line


def test_results_estimates_and_noise_are_evaluated_by_folder(pictures, tmp_path, command):
    options = ["--recipe", "gaussian", "--estimates", "--noise"]
    assert command("denoise", pictures / "noisy", tmp_path / "out", *options).status == 0
    for folder in ("out", "out/noise"):
        result = command("evaluate", tmp_path / folder, pictures / "truth", "--json")
        assert result.status == 0, result.err
        assert len(json.loads(result.out)["images"]) == 3


def test_the_input_is_never_overwritten(pictures, trained, tmp_path, refused):
    folder = shutil.copytree(pictures / "noisy", tmp_path / "in")
    before = snapshot(folder)
    for given, output in (
        (folder, folder),
        (folder, folder / "below"),
        (folder / "b0.png", folder),
        (folder / "b0.png", folder / "b0.png"),
        (f"{folder}/*.png", folder),
    ):
        assert "is inside the input" in refused("denoise", given, output, "--model", trained, "--overwrite")
    assert snapshot(folder) == before


def test_clipped_pixels_are_counted(trained, tmp_path, command):
    bright = np.full((64, 64), 255, np.uint8)
    bright[::2, ::3] = 0
    write_array(tmp_path / "a.png", bright)
    result = command("denoise", tmp_path / "a.png", tmp_path / "b.png", "--model", trained, "--estimates")
    assert "b.png  result not clipped" in result.err  # the result is limited to the range before


def test_what_a_format_cannot_keep_is_said(noisy, trained, tmp_path, command):
    write_array(tmp_path / "a.tif", noisy[0], pixel_size=NANOMETRES)
    result = command("denoise", tmp_path / "a.tif", tmp_path / "b.npy", "--model", trained)
    assert "warning:" in result.err
    assert "b.npy: NPY cannot hold the pixel size (8 × 8 nm)" in result.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--region", "0:2"], "region '0:2': has 1 parts, but the image has the axes ZYX; give z0:z1,y0:y1,x0:x1"),
        (["--region", "a:b,0:9,0:9"], "region: 'a:b' is not a range along Z; write start:stop, in pixels"),
        (["--region", "0:9,0:20,0:20"], "region"),
        (["--chunks", "1,two,3"], "--chunks 1,two,3: write a number for each axis, as in --chunks 1,1024,1024"),
        (["--chunks", "0,16,16"], "--chunks 0,16,16: write a number for each axis"),
        (["--shards", "1;32;32"], "--shards 1;32;32: write a number for each axis, as in --shards 1,1024,1024"),
        (["--only", "G"], "only G: of this method's estimates it can be: F or x-H"),
        (["--memory", "lots"], "--memory lots: write an amount such as 500M or 2G"),
        (["--memory", "0G"], "--memory 0G: write an amount"),
    ],
)
def test_options_that_say_nothing_are_refused(options, said, noisy, trained, tmp_path, refused):
    write_array(tmp_path / "a.zarr", noisy, axes="ZYX")
    assert said in refused("denoise", tmp_path / "a.zarr", tmp_path / "b.zarr", "--model", trained, *options)
    assert [path.name for path in tmp_path.iterdir()] == ["a.zarr"]


def test_unknown_statistics_are_refused(noisy, trained, tmp_path, command):
    write_array(tmp_path / "a.zarr", noisy, axes="ZYX")
    result = command("denoise", tmp_path / "a.zarr", tmp_path / "b.zarr", "--model", trained, "--statistics", "guess")
    assert result.status == 2
    assert "guess" in result.err
    assert "exact" in result.err
    assert not (tmp_path / "b.zarr").exists()


def test_chunks_and_a_region_of_a_zarr(noisy, trained, model, tmp_path, command):
    size = PixelSize({"Z": 30.0, "Y": 8.0, "X": 8.0}, "nm")
    write_array(tmp_path / "a.zarr", noisy, axes="ZYX", pixel_size=size)
    options = ["--region", "1:3,10:60,20:90", "--chunks", "1,32,32", "--shards", "1,64,64"]
    result = command("denoise", tmp_path / "a.zarr", tmp_path / "b.zarr", "--model", trained, *options)
    assert result.status == 0, result.err
    image = open_image(tmp_path / "b.zarr")
    assert image.chunks == (1, 32, 32)
    assert image.style.translation == {"Z": 30.0, "Y": 80.0, "X": 160.0}
    assert np.array_equal(read(tmp_path / "b.zarr"), model.denoise(noisy)[1:3, 10:60, 20:90])


@pytest.mark.parametrize("statistics", ["exact", "sampled", "trained"])
def test_statistics_of_any_kind_give_a_picture(statistics, noisy, trained, tmp_path, command):
    write_array(tmp_path / "a.tif", noisy, axes="ZYX")
    options = ["--statistics", statistics, "--memory", "2M"]
    result = command("denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--model", trained, *options)
    assert result.status == 0, result.err
    assert np.corrcoef(noisy.ravel(), read(tmp_path / "b.tif").ravel())[0, 1] > 0.5


def test_a_dry_run_tells_the_plan_and_writes_nothing(noisy, trained, tmp_path, command, refused):
    write_array(tmp_path / "a.zarr", noisy, axes="ZYX")
    before = snapshot(tmp_path)
    options = ["--model", trained, "--memory", "2M", "--dry-run"]
    result = command("denoise", tmp_path / "a.zarr", tmp_path / "b.zarr", *options)
    assert result.status == 0
    said = result.out + result.err
    for words in ("ZYX 3 × 70 × 90", "2.0 MiB allowed", "disk", "with one worker, from a measured tile"):
        assert words in said
    assert snapshot(tmp_path) == before
    write_array(tmp_path / "b.zarr", noisy)
    assert "b.zarr: exists already" in refused("denoise", tmp_path / "a.zarr", tmp_path / "b.zarr", *options)


def before_the_third_block(deed, patch):
    """Let something happen just before the third block is written."""
    write, blocks = BlockWorker._write_block, []

    def do_and_write(self, task, done):
        blocks.append(task)
        if len(blocks) == 3:
            deed()
        return write(self, task, done)

    patch.setattr(BlockWorker, "_write_block", do_and_write)


def get(signal):
    """Send a signal to this process."""
    os.kill(os.getpid(), signal)


def run_and_be_killed(*arguments):
    """The command line, in a process that ends before it writes its third block."""
    torch.set_num_threads(1)
    before_the_third_block(partial(get, signal.SIGKILL), pytest.MonkeyPatch())
    main([str(argument) for argument in arguments])


@pytest.mark.parametrize(("how", "status"), [("SIGKILL", -9), ("SIGINT", 130), ("SIGTERM", 143)])
def test_stopped_and_started_again_equals_never_stopped(
    how, status, noisy, trained, tmp_path, command, refused, one_thread
):
    write_array(tmp_path / "a.tif", noisy, axes="ZYX")
    arguments = ["denoise", tmp_path / "a.tif", tmp_path / "b.tif", "--model", trained, "--memory", "2M"]
    if how == "SIGKILL":
        assert dies(run_and_be_killed, *arguments)
    else:
        with pytest.MonkeyPatch.context() as patch:
            before_the_third_block(partial(get, getattr(signal, how)), patch)
            refused(*arguments, status=status)
    assert (tmp_path / "b.tif.unfinished").is_dir()
    assert not (tmp_path / "b.tif").exists()
    again = command(*arguments)
    assert again.status == 0, again.err
    assert f"going on with {tmp_path / 'b.tif'}.unfinished" in again.err
    expected = command(*arguments[:2], tmp_path / "c.tif", *arguments[3:])
    assert expected.status == 0
    assert np.array_equal(read(tmp_path / "b.tif"), read(tmp_path / "c.tif"))
    assert not list(tmp_path.glob("*.unfinished"))


@pytest.mark.parametrize(
    ("gone", "said"), [("a.zarr", "has vanished"), ("b.zarr.unfinished", "removed, or taken over")]
)
def test_what_is_removed_meanwhile_ends_the_command_in_one_line_and_with_status_1(
    gone, said, noisy, trained, tmp_path, refused, monkeypatch
):
    write_array(tmp_path / "a.zarr", noisy, axes="ZYX")
    before_the_third_block(partial(shutil.rmtree, tmp_path / gone), monkeypatch)
    options = ["--model", trained, "--memory", "2M", "--statistics", "trained"]
    assert said in refused("denoise", tmp_path / "a.zarr", tmp_path / "b.zarr", *options, status=1)
    assert not (tmp_path / "b.zarr").exists()


def test_the_result_is_a_picture_of_the_input(pictures, trained, tmp_path, command):
    """Eight steps do not denoise, but they must not destroy: the tissue stays where it is."""
    command("denoise", pictures / "noisy", tmp_path, "--model", trained)
    for number in range(3):
        noisy, done = read(pictures / "noisy" / f"b{number}.png"), read(tmp_path / f"b{number}.png")
        assert peak_signal_noise_ratio(noisy, done) > 10
        assert np.corrcoef(noisy.ravel(), done.ravel())[0, 1] > 0.5


def test_images_of_another_range_than_in_training_are_warned_of(noisy, trained, model, tmp_path, command, capsys):
    write_array(tmp_path / "same.png", noisy[0])
    write_array(tmp_path / "dark.png", noisy[0] // 8)
    usual = command("denoise", tmp_path / "same.png", tmp_path / "a.png", "--model", trained)
    assert "intensity range differs" not in usual.err
    dark = command("denoise", tmp_path / "dark.png", tmp_path / "b.png", "--model", trained)
    assert dark.status == 0
    assert "warning: intensity range differs from training (0." in dark.err
    assert "--intensity-range LOW HIGH" in dark.err
    capsys.readouterr()
    model.denoise(noisy[0] // 8)
    assert "warning: intensity range differs from training (0." in capsys.readouterr().err
    model.denoise(noisy[0] // 8, intensity_range=(0, 31))
    assert "intensity range differs" not in capsys.readouterr().err
