"""The commands that make and look at images: phantom, simulate, inspect."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image as Pillow
from skimage.metrics import peak_signal_noise_ratio

from pellucid.data.source import open_source
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array
from pellucid.simulation.phantom import tissue


def read(path):
    image = open_image(path)
    return np.stack([plane.read() for plane in image.planes]).reshape(image.shape)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_phantom_makes_tissue_from_its_seed(tmp_path, command):
    arguments = ("--count", 2, "--size", 64, "--seed", 3)
    assert command("phantom", tmp_path / "a", *arguments).status == 0
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["phantom_000.png", "phantom_001.png"]
    assert np.array_equal(read(tmp_path / "a" / "phantom_001.png"), tissue((64, 64), seed=4))
    assert command("phantom", tmp_path / "b", *arguments).status == 0
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_phantom_makes_volumes_and_light_membranes(tmp_path, command):
    arguments = ("--count", 1, "--size", 48, "--depth", 3, "--polarity", "light")
    assert command("phantom", tmp_path, *arguments).status == 0
    assert np.array_equal(read(tmp_path / "phantom_000.tif"), tissue((3, 48, 48), seed=0, polarity="light"))


def test_phantom_replaces_nothing_unasked(tmp_path, command, refused):
    write_array(tmp_path / "phantom_001.png", np.zeros((20, 20), np.uint8))
    before = contents(tmp_path)
    arguments = ("phantom", tmp_path, "--count", 3, "--size", 32)
    assert "phantom_001.png: exists already" in refused(*arguments)
    assert contents(tmp_path) == before
    assert command(*arguments, "--overwrite").status == 0
    assert read(tmp_path / "phantom_001.png").shape == (32, 32)


@pytest.mark.parametrize(
    "wrong",
    [("--size", 4), ("--count", 0), ("--depth", -1), ("--polarity", "blue"), ("--seed", -1), ("--count", "two")],
)
def test_impossible_phantoms_are_refused(wrong, tmp_path, refused):
    line = refused("phantom", tmp_path / "out", *wrong)
    assert str(wrong[1]) in line or wrong[0].strip("-") in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "noise", ["film", "charge", "gaussian", "poisson", "poisson_gaussian", "speckle", "salt_and_pepper", "line"]
)
def test_simulate_is_seeded_and_leaves_the_images_recognisable(noise, pictures, tmp_path, command):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        result = command("simulate", pictures / "truth", tmp_path / name, "--noise", noise, "--seed", seed)
        assert result.status == 0, result.err
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
    assert contents(tmp_path / "a") != contents(tmp_path / "c")
    truth, noisy = read(pictures / "truth" / "b0.png"), read(tmp_path / "a" / "b0.png")
    assert 10 < peak_signal_noise_ratio(truth, noisy) < 30


def test_planes_and_images_get_noise_of_their_own(tmp_path, command):
    for name in ("a.tif", "b.tif"):
        write_array(tmp_path / "clean" / name, np.full((2, 40, 40), 120, np.uint8), axes="ZYX")
    assert command("simulate", tmp_path / "clean", tmp_path / "noisy", "--noise", "gaussian").status == 0
    planes = [*read(tmp_path / "noisy" / "a.tif"), *read(tmp_path / "noisy" / "b.tif")]
    assert len({plane.tobytes() for plane in planes}) == 4


def test_captured_noise_multiplies_as_the_paper(pictures, tmp_path, command):
    write_array(tmp_path / "noise.png", np.full((120, 120), 204, np.uint8))
    arguments = ("simulate", pictures / "truth" / "b0.png", tmp_path / "out.png", "--noise", "captured")
    assert command(*arguments, "--captured", tmp_path / "noise.png").status == 0
    truth = read(pictures / "truth" / "b0.png").astype(float)
    assert np.abs(read(tmp_path / "out.png") - truth * 204 / 255).max() <= 0.5 + 1e-6


def test_what_simulate_cannot_do_is_one_line(pictures, tmp_path, refused):
    truth, out = pictures / "truth", tmp_path / "out"
    belongs = "--noise captured and --captured IMAGES (images of noise alone) go together"
    assert "unknown noise 'flim': did you mean 'film'?" in refused("simulate", truth, out, "--noise", "flim")
    assert belongs in refused("simulate", truth, out, "--noise", "captured")
    assert belongs in refused("simulate", truth, out, "--captured", truth)
    captured = ("--noise", "captured", "--captured", truth)
    assert "unknown way 'divide'" in refused("simulate", truth, out, *captured, "--how", "divide")
    assert "is inside the input" in refused("simulate", truth, truth, "--overwrite")
    assert not out.exists() or not any(out.iterdir())


def test_floats_beyond_0_to_1_need_a_range(tmp_path, command, refused):
    clean = tissue((40, 40), seed=1).astype(np.float32) * 16
    write_array(tmp_path / "a.tif", clean)
    arguments = ("simulate", tmp_path / "a.tif", tmp_path / "b.tif", "--noise", "gaussian")
    line = refused(*arguments)
    assert "a.tif: float pixels outside 0 to 1" in line
    assert "--intensity-range BLACK WHITE" in line
    assert command(*arguments, "--intensity-range", 0, 4080).status == 0
    assert 0.05 < (read(tmp_path / "b.tif") - clean).std() / 4080 < 0.15


def test_simulate_replaces_nothing_unasked(pictures, tmp_path, command, refused):
    write_array(tmp_path / "b2.png", np.zeros((20, 20), np.uint8))
    before = contents(tmp_path)
    assert "b2.png: exists already" in refused("simulate", pictures / "truth", tmp_path)
    assert contents(tmp_path) == before
    assert command("simulate", pictures / "truth", tmp_path, "--overwrite").status == 0


def test_inspect_shows_both_sources(pictures, command):
    result = command("inspect", "--clean", pictures / "clean", "--noisy", pictures / "noisy")
    assert result.status == 0, result.err
    for label in ("files", "megapixels", "type", "pixel size", "histogram"):
        assert any(line.startswith("│") and f" {label} " in line for line in result.err.splitlines())


def test_simulate_leaves_a_data_bar_as_it_is(tmp_path, command):
    write_array(tmp_path / "clean.png", np.vstack([tissue((96, 128), seed=1), np.full((7, 128), 9, np.uint8)]))
    (tmp_path / "clean.txt").write_text("$CM_FULL_SIZE 128 96\n")
    assert command("simulate", tmp_path / "clean.png", tmp_path / "noisy.png", "--noise", "gaussian").status == 0
    clean, noisy = (open_source(tmp_path / f"{name}.png").planes[0].read() for name in ("clean", "noisy"))
    np.testing.assert_array_equal(noisy[96:], np.ma.getdata(clean)[96:])
    assert (noisy[:96] != np.ma.getdata(clean)[:96]).mean() > 0.9


def test_inspect_says_how_far_it_is(pictures, command):
    said = command("inspect", "--clean", pictures / "clean", "--noisy", pictures / "noisy").err
    for kind in ("clean", "noisy"):
        count = len(list((pictures / kind).iterdir()))
        assert f"looking at the {kind} images {count}/{count} (100%)" in said


def test_inspect_tells_of_data_bars(tmp_path, command):
    for number in range(2):
        write_array(tmp_path / f"a{number}.png", tissue((103, 128), seed=number))
    (tmp_path / "a1.txt").write_text("$CM_FULL_SIZE 128 96\n")
    said = " ".join(command("inspect", "--noisy", tmp_path).err.split())
    assert "data bar: the lowest 7 rows of 1 of 2 images, as the microscope's own data tell" in said


def test_simulate_and_evaluate_name_what_they_pass_over(tmp_path, command):
    write_array(tmp_path / "clean" / "a.png", tissue((64, 64)))
    (tmp_path / "clean" / "b.czi").touch()
    made = command("simulate", tmp_path / "clean", tmp_path / "noisy", "--noise", "gaussian", "--seed", 7)
    assert f"{tmp_path / 'clean'}: passed over b.czi" in made.err
    with Pillow.open(tmp_path / "noisy" / "a.png") as noisy:
        assert noisy.text["Software"].startswith("noise added with Pellucid")
        assert noisy.text["Software"].endswith(": gaussian, strength default, seed 7")
    scored = command("evaluate", tmp_path / "noisy", tmp_path / "clean", "--json")
    assert scored.err.count("passed over b.czi") == 1
    assert scored.status == 0
