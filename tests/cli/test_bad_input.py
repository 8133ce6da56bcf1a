"""What goes wrong for users: one line that names the file, status 2 or 1, and nothing half-written."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess

import numpy as np
import pytest
import tifffile
import torch

from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue

pytestmark = pytest.mark.usefixtures("undrawn")

TINY = ("--device", "cpu", "--set", "width=4", "batch=2", "steps=2", "save_every=1")


def snapshot(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def missing(folder):
    return folder / "missing"


def empty(folder):
    (folder / "empty").mkdir()
    return folder / "empty"


def no_images(folder):
    (folder / "notes").mkdir()
    (folder / "notes" / "readme.txt").write_text("hello")
    return folder / "notes"


def glob_of_nothing(folder):
    return f"{folder}/*.png"


def truncated(folder):
    path = folder / "truncated.tif"
    tifffile.imwrite(path, tissue((96, 96), seed=1), compression="zlib")
    path.write_bytes(path.read_bytes()[:-900])
    return path


def truncated_png(folder):
    path = folder / "truncated.png"
    write_array(path, tissue((96, 96), seed=1))
    path.write_bytes(path.read_bytes()[:2000])
    return path


def text(folder):
    path = folder / "text.tif"
    path.write_text("this is no picture\n" * 50)
    return path


def nothing_in_it(folder):
    path = folder / "nothing.tif"
    path.touch()
    return path


def colour(folder):
    path = folder / "colour.tif"
    tifffile.imwrite(path, np.random.default_rng(0).integers(0, 255, (40, 40, 3)).astype(np.uint8), photometric="rgb")
    return path


def six_axes(folder):
    path = folder / "axes.npy"
    np.save(path, np.zeros((1, 1, 2, 2, 20, 20), np.uint8))
    return path


def one_axis(folder):
    path = folder / "line.npy"
    np.save(path, np.zeros(400, np.uint8))
    return path


def not_a_number(folder):
    image = tissue((40, 40), seed=1).astype(np.float32)
    image[3, 5] = np.nan
    tifffile.imwrite(folder / "nan.tif", image)
    return folder / "nan.tif"


def infinite(folder):
    image = tissue((40, 40), seed=1).astype(np.float32)
    image[3, 5] = np.inf
    tifffile.imwrite(folder / "inf.tif", image)
    return folder / "inf.tif"


def too_small(folder):
    write_array(folder / "tiny.png", np.zeros((12, 30), np.uint8))
    return folder / "tiny.png"


def mixed_types(folder):
    write_array(folder / "mixed" / "a.tif", np.zeros((20, 20), np.uint8))
    write_array(folder / "mixed" / "b.tif", np.zeros((20, 20), np.uint16))
    return folder / "mixed"


def complex_numbers(folder):
    np.save(folder / "complex.npy", np.zeros((20, 20), np.complex64))
    return folder / "complex.npy"


def missing_in_hdf5(folder):
    write_array(folder / "a.h5:/raw", np.zeros((20, 20), np.uint8))
    return f"{folder}/a.h5:/row"


BAD = {
    missing: "missing: no such file",
    empty: "empty: has no images in it",
    no_images: "notes: has no images in it",
    glob_of_nothing: r"\*\.png: matches no file",
    truncated: r"truncated\.tif.*: ",
    truncated_png: r"truncated\.png.*: ",
    text: r"text\.tif: cannot be read; it may be damaged or of another format",
    nothing_in_it: r"nothing\.tif: cannot be read",
    colour: r"colour\.tif.*colour",
    six_axes: r"axes\.npy: ",
    one_axis: r"line\.npy: ",
    not_a_number: r"nan\.tif: (has NaN or infinite pixels \(1, the first at \(3, 5\)|prediction has NaN or infinite)",
    infinite: r"inf\.tif: (has NaN or infinite pixels \(1|prediction has NaN or infinite)",
    too_small: r"tiny\.png: is 12×30 pixels, but at least 16×16 are needed",
    mixed_types: r"mixed/b\.tif: has uint16 pixels, but .*a\.tif has uint8",
    complex_numbers: r"complex\.npy: has complex64 pixels",
    missing_in_hdf5: r"a\.h5: has no data set /?row",
}

USED_ALL_THE_SAME = (not_a_number, infinite)
"""By commands that ignore pixels without a finite value."""


@pytest.mark.parametrize("make", BAD, ids=lambda make: make.__name__)
def test_bad_images_are_refused_by_every_command(make, pictures, trained, tmp_path, refused):
    (tmp_path / "in").mkdir()
    given, good, out = make(tmp_path / "in"), pictures / "clean", tmp_path / "out"
    for arguments in (
        ("train", "--clean", good, "--noisy", given, "--out", out, *TINY),
        ("train", "--clean", given, "--noisy", good, "--out", out, *TINY),
        ("denoise", given, out, "--model", trained, "--intensity-range", 0, 255),
        ("inspect", "--clean", good, "--noisy", given),
        ("simulate", given, out),
        ("evaluate", given, given, "--data-range", 255),
    ):
        if make in USED_ALL_THE_SAME and arguments[0] in ("denoise", "inspect", "train"):
            continue
        if make is mixed_types and arguments[0] in ("denoise", "inspect"):
            continue  # they do what they can
        assert re.search(BAD[make], refused(*arguments)), arguments
        assert not snapshot(out)


def test_a_constant_source_cannot_be_learned_from(pictures, tmp_path, refused):
    write_array(tmp_path / "flat.png", np.full((64, 64), 9, np.uint8))
    line = refused(
        "train", "--clean", pictures / "clean", "--noisy", tmp_path / "flat.png", "--out", tmp_path / "o", *TINY
    )
    assert "flat.png: contains only areas of one value, NaN and infinite pixels, so there is nothing to" in line
    assert not (tmp_path / "o").exists()


def test_a_constant_image_among_others_is_warned_of(pictures, tmp_path, command):
    mixed = shutil.copytree(pictures / "noisy", tmp_path / "mixed")
    write_array(mixed / "flat.png", np.full((64, 64), 9, np.uint8))
    result = command("inspect", "--clean", pictures / "clean", "--noisy", mixed)
    assert result.status == 0
    assert re.search(r"warning: constant: all pixels are equal in .*flat\.png", result.err)


def test_a_constant_image_is_denoised_all_the_same(trained, tmp_path, command):
    write_array(tmp_path / "flat.png", np.full((64, 64), 9, np.uint8))
    assert command("denoise", tmp_path / "flat.png", tmp_path / "out.png", "--model", trained).status == 0


def below_a_file(folder):
    (folder / "file").write_text("mine")
    return folder / "file" / "out"


def test_outputs_below_a_file_are_refused(pictures, trained, tmp_path, refused):
    out, good = below_a_file(tmp_path), pictures / "noisy"
    for arguments in (
        ("train", "--clean", pictures / "clean", "--noisy", good, "--out", out, *TINY),
        ("denoise", good, out, "--model", trained),
        ("simulate", good, out),
        ("phantom", out, "--count", 1, "--size", 32),
        ("evaluate", good, good, "--csv", out / "a.csv"),
        ("evaluate", good, good, "--maps", out),
        ("demo", "--out", out),
    ):
        line = refused(*arguments)
        assert str(out) in line
        assert "is a file" in line
    assert (tmp_path / "file").read_text() == "mine"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(pictures, trained, tmp_path, refused):
    tmp_path.chmod(0o500)
    line = refused("denoise", pictures / "noisy", tmp_path / "out", "--model", trained)
    assert "no permission to write there" in line


def test_an_output_of_an_unknown_or_read_only_format_is_refused(pictures, trained, tmp_path, refused):
    given = pictures / "noisy" / "b0.png"
    assert "JPEG loses detail and is only read" in refused("denoise", given, tmp_path / "a.jpg", "--model", trained)
    for how in (("--model", trained), ("--recipe", "gaussian")):
        line = refused("denoise", given, tmp_path / "a.xyz", *how)
        assert "a.xyz: Pellucid cannot write .xyz files; use one of .tif, " in line
    assert not snapshot(tmp_path)


@pytest.fixture
def run(trained, tmp_path):
    return shutil.copytree(trained, tmp_path / "run")


def newer(run):
    described = json.loads((run / "model.json").read_text())
    (run / "model.json").write_text(json.dumps({**described, "format": 99}))


def unknown_key(run):
    (run / "recipe.toml").write_text((run / "recipe.toml").read_text() + 'stepz = "3"\n')


MODELS = {
    "no recipe": (lambda run: (run / "recipe.toml").unlink(), r"run: not the folder of a run .*give the --out of"),
    "damaged recipe": (lambda run: (run / "recipe.toml").write_text("a = = b"), r"recipe\.toml: missing or damaged"),
    "unknown key": (unknown_key, r"recipe\.toml: unknown setting 'stepz': did you mean 'steps'\?"),
    "no model.json": (lambda run: (run / "model.json").unlink(), r"model\.json: missing or damaged"),
    "damaged model.json": (lambda run: (run / "model.json").write_text('{"form'), r"model\.json: missing or damaged"),
    "newer": (newer, r"run: written by a newer Pellucid \(format 99, .*update Pellucid"),
    "no weights": (lambda run: shutil.rmtree(run / "weights"), r"average\.safetensors: missing"),
    "damaged weights": (
        lambda run: (run / "weights" / "average.safetensors").write_bytes(b"\0" * 100),
        r"average\.safetensors: damaged",
    ),
}


@pytest.mark.parametrize("what", MODELS)
def test_bad_models_are_refused(what, run, pictures, tmp_path, refused):
    damage, expected = MODELS[what]
    damage(run)
    assert re.search(expected, refused("denoise", pictures / "noisy", tmp_path / "out", "--model", run))
    assert not (tmp_path / "out").exists()


def test_what_is_no_run_is_refused(pictures, tmp_path, refused):
    for model, said in (
        (tmp_path, "not the folder of a run"),
        (pictures / "noisy" / "b0.png", "not the folder of a run"),
        (tmp_path / "emm", "no such run or model, nor does one of this name come with Pellucid; did you mean 'em'?"),
    ):
        line = refused("denoise", pictures / "noisy", tmp_path / "out", "--model", model)
        assert f"{model}: {said}" in line


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 200 KiB, full enough that no state and few images fit."""
    place = tmp_path / "disk"
    place.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=200k", "none", place], capture_output=True)
    if made.returncode:
        pytest.skip("no right to mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def test_a_disk_that_is_full_when_images_are_written(small_disk, trained, tmp_path, refused):
    write_array(tmp_path / "big.tif", np.random.default_rng(0).integers(0, 255, (5, 256, 256)).astype(np.uint8))
    for arguments in (
        ("simulate", tmp_path / "big.tif", small_disk / "out.npy", "--noise", "gaussian"),
        ("simulate", tmp_path / "big.tif", small_disk / "out.zarr", "--noise", "gaussian"),
        ("phantom", small_disk / "tissue", "--count", 1, "--size", 600),
    ):
        line = refused(*arguments, status=1)
        assert "disk full while writing" in line
        assert str(small_disk) in line
        assert not snapshot(small_disk)


def test_a_disk_too_small_for_denoised_images(small_disk, trained, tmp_path, refused):
    write_array(tmp_path / "big.tif", np.random.default_rng(0).integers(0, 255, (5, 256, 256)).astype(np.uint8))
    line = refused("denoise", tmp_path / "big.tif", small_disk / "out.tif", "--model", trained)
    assert re.search(rf"{small_disk}: not enough disk: the result takes up to .* KiB and .* KiB are free", line)
    assert not snapshot(small_disk)


def test_a_disk_that_is_full_when_a_state_is_saved(small_disk, pictures, refused):
    sources = ("--clean", pictures / "clean", "--noisy", pictures / "noisy")
    tiny = ("--device", "cpu", "--set", "width=4", "batch=2", "steps=2", "save_every=1")
    line = refused("train", *sources, "--out", small_disk / "run", *tiny, status=1)
    assert str(small_disk / "run") in line
    assert "disk" in line.replace(str(small_disk), "")
    assert not [
        path for path in (small_disk / "run").rglob("*") if "unfinished" in path.name or ".pellucid-" in path.name
    ]


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_keeps_the_last_good_state(pictures, tmp_path, refused, command, monkeypatch):
    run = tmp_path / "run"
    whole, saves = torch.save, []

    def second_time_full(*arguments):
        saves.append(arguments)
        if len(saves) == 2:
            full()
        whole(*arguments)

    sources = ("--clean", pictures / "clean", "--noisy", pictures / "noisy")
    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", second_time_full)
        line = refused("train", *sources, "--out", run, *TINY, status=1)
    assert re.search(r"state\.pt.*(No space left|disk full).*", line)
    assert "pellucid resume" in line
    assert torch.load(run / "state.pt", weights_only=True)["number"] == 1
    assert command("resume", run, "--device", "cpu").status == 0
    assert [json.loads(each)["step"] for each in (run / "metrics.jsonl").read_text().splitlines()] == [1, 2]


def test_a_full_disk_when_losses_are_written(pictures, tmp_path, refused, monkeypatch):
    from pathlib import Path

    opened = Path.open

    def full_for_losses(self, *arguments, **options):
        return full() if self.name == "metrics.jsonl" else opened(self, *arguments, **options)

    monkeypatch.setattr(Path, "open", full_for_losses)
    sources = ("--clean", pictures / "clean", "--noisy", pictures / "noisy")
    line = refused("train", *sources, "--out", tmp_path / "run", *TINY, status=1)
    assert "disk full while writing" in line
    assert "metrics.jsonl" in line


def test_pixels_that_are_not_finite_are_kept_and_reported(trained, tmp_path, command):
    for name in ("a", "b"):
        write_array(tmp_path / "in" / f"{name}.tif", tissue((2, 64, 64), seed=1).astype(np.float32), axes="ZYX")
    broken = tifffile.imread(tmp_path / "in" / "b.tif")
    broken[1, 0, 0], broken[0, 3, 4:6] = np.nan, np.inf
    tifffile.imwrite(tmp_path / "in" / "b.tif", broken)
    result = command("denoise", tmp_path / "in", tmp_path / "out", "--model", trained, "--intensity-range", 0, 255)
    assert result.status == 0
    assert (
        f"warning: {tmp_path / 'out' / 'b.tif'}: 3 pixels are not-a-number or infinite; they were copied unchanged"
        in result.err
    )
    assert result.err.count("not-a-number") == 1
    holes = ~np.isfinite(broken)
    done = tifffile.imread(tmp_path / "out" / "b.tif")
    assert np.array_equal(done[holes], broken[holes], equal_nan=True)
    assert np.isfinite(done[~holes]).all()


def test_an_image_that_breaks_off_leaves_no_half_file(trained, tmp_path, refused):
    for name in ("a", "b"):
        write_array(tmp_path / "in" / f"{name}.png", tissue((64, 64), seed=1))
    whole = (tmp_path / "in" / "b.png").read_bytes()
    (tmp_path / "in" / "b.png").write_bytes(whole[:-300])
    line = refused("denoise", tmp_path / "in", tmp_path / "out", "--model", trained, status=1)
    assert "b.png: is cut off before its end; copy or export it again" in line
    assert not (tmp_path / "out" / "b.png").exists()


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("inspect", ""), "a name is empty"),
        (("inspect", "--clean", ""), "after --clean the name is empty"),
        (("denoise", "", "out"), "a name is empty"),
        (("denoise", "noisy", ""), "a name is empty"),
        (("denoise", "noisy", "out", "--model", ""), "after --model the name is empty"),
        (("denoise", "noisy", "out", "--model="), "after --model the name is empty"),
        (("trust", "noisy", "--model", " "), "after --model the name is empty"),
    ],
)
def test_an_empty_name_is_not_taken_for_the_folder_of_the_command(arguments, where, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    result = command(*arguments)
    assert result.status == 2
    assert result.err.startswith(f"pellucid: {where}: give a name, or leave it out")
    assert list(tmp_path.iterdir()) == []
