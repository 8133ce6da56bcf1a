from __future__ import annotations

import numpy as np
import pytest

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.writing import write_array
from pellucid.methods import make_recipe
from pellucid.runs.sources import check_sources, intensities_of, planes_of, reopen_sources


def write(folder, shapes, dtype=np.uint8):
    for number, (name, shape) in enumerate(shapes.items()):
        pixels = np.random.default_rng(number).integers(0, 200, shape)
        write_array(folder / name, pixels.astype(dtype))
    return open_source(folder)


def test_partners_are_matched_by_name(tmp_path):
    noisy = write(tmp_path / "noisy", {"a.png": (20, 24), "b.png": (30, 24)})
    pairs = write(tmp_path / "pairs", {"b.tif": (30, 24), "a.tif": (20, 24)})
    planes = planes_of({"noisy": noisy, "pairs": pairs})
    assert [plane.shape for plane in planes["pairs"]] == [(20, 24), (30, 24)]


@pytest.mark.parametrize(
    ("shapes", "dtype", "message"),
    [
        ({"a.tif": (20, 24)}, np.uint8, "2 noisy images but 1 partner: give the same number"),
        ({"a.tif": (20, 24), "b.tif": (28, 24)}, np.uint8, r"b\.tif \(28×24, uint8\) does not match .*b\.png \(30×24"),
        (
            {"a.tif": (20, 24), "b.tif": (30, 24)},
            np.uint16,
            r"a\.tif \(20×24, uint16\) does not match .*a\.png",
        ),
        ({"a.tif": (20, 24), "c.tif": (30, 24)}, np.uint8, r"noisy image .*b\.png has no partner of that name"),
    ],
)
def test_pairs_that_do_not_fit_are_refused(tmp_path, shapes, dtype, message):
    noisy = write(tmp_path / "noisy", {"a.png": (20, 24), "b.png": (30, 24)})
    with pytest.raises(InputError, match=message):
        planes_of({"noisy": noisy, "pairs": write(tmp_path / "pairs", shapes, dtype)})


def test_the_command_names_the_pair(tmp_path, refused):
    write(tmp_path / "noisy", {"a.png": (32, 32)})
    write(tmp_path / "pairs", {"a.png": (32, 30)})
    arguments = ["--noisy", tmp_path / "noisy", "--pairs", tmp_path / "pairs", "--out", tmp_path / "run"]
    line = refused("train", "--recipe", "dncnn", *arguments)
    assert "the images of a pair must have the same size and pixel type" in line
    assert not (tmp_path / "run").exists()


def test_partners_are_measured_on_the_scale_of_the_noisy_images(tmp_path):
    noisy = write(tmp_path / "noisy", {"a.tif": (20, 24)}, np.uint16)
    pairs = write(tmp_path / "pairs", {"a.tif": (20, 24)}, np.uint16)
    clean = write(tmp_path / "clean", {"x.tif": (20, 24)}, np.uint8)
    found = intensities_of({"noisy": noisy, "pairs": pairs, "clean": clean})
    assert found["pairs"] == found["noisy"]
    assert (found["clean"].low, found["clean"].high) == (0, 255)


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("dncnn", {"noisy"}, "DnCNN needs --pairs"),
        ("quan", {"noisy", "clean"}, "Quan et al. needs --noise: images of noise alone"),
        ("noise2void", {"noisy", "pairs"}, "does not use --pairs: omit it; this method learns from --noisy"),
        ("noise2noise", {"noisy", "clean"}, "Noise2Noise does not use --clean"),
        ("proposed", {"clean"}, "ISCL needs --noisy"),
        ("bm3d", {"noisy"}, "needs no training: use pellucid denoise INPUT OUTPUT --recipe bm3d"),
    ],
)
def test_sources_that_a_method_cannot_learn_from_are_refused(name, given, message):
    with pytest.raises(InputError) as told:
        check_sources(make_recipe(name), given)
    assert message in str(told.value)


def test_the_official_pipeline_serves_clean_and_noisy_images_alone():
    recipe = make_recipe("dncnn", "quick", {"pipeline": "official"})
    with pytest.raises(InputError, match="pipeline=official is for methods that take --noisy and --clean, not"):
        check_sources(recipe, {"noisy", "pairs"})


def test_sources_are_reopened_where_they_are_now(tmp_path):
    noisy = write(tmp_path / "noisy", {"a.png": (20, 24)}).fingerprint()
    clean = write(tmp_path / "clean", {"b.png": (20, 24)}).fingerprint()
    known = {
        "noisy": {"path": str(tmp_path / "noisy"), "fingerprint": noisy},
        "clean": {"path": None, "fingerprint": clean},
    }
    assert set(reopen_sources(known, {"clean": tmp_path / "clean"})) == {"noisy", "clean"}
    for moved, message in (
        ({}, r"the location of the clean images is not known .* by --clean"),
        ({"clean": tmp_path / "clean", "pairs": "there"}, "does not learn from --pairs: omit it"),
        ({"clean": np.zeros((20, 24), np.uint8)}, "the clean images are not those that the run was started with"),
    ):
        with pytest.raises(InputError, match=message):
            reopen_sources(known, moved)
