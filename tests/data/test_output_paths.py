from __future__ import annotations

import re
from pathlib import Path

import h5py
import numpy as np
import pytest
from PIL import Image as Picture

from pellucid.data.output_paths import float_path, in_folder, is_image, output_paths, refuse_existing, refuse_unsafe
from pellucid.data.source import Source, open_source, open_usable
from pellucid.errors import InputError
from pellucid.io.arrays import open_array
from pellucid.io.writing import write_array


@pytest.fixture
def files(tmp_path, picture):
    def make(*names):
        for name in names:
            write_array(tmp_path / name, picture((20, 20)))
        return [str(tmp_path / name) for name in names]

    return make


@pytest.mark.parametrize("path", ["a.png", "a.OME.TIF", "b/a.h5:/raw", "a.zarr", "a.jpg"])
def test_images_are_known_by_their_extension(path):
    assert is_image(path)


@pytest.mark.parametrize("path", ["a", "folder.d/", "a.txt", "a.npz"])
def test_others_are_not(path):
    assert not is_image(path)


def test_one_image_goes_into_the_file_that_is_named(files, tmp_path):
    (name,) = files("a.png")
    assert output_paths(open_source(name), tmp_path / "out.tif") == [tmp_path / "out.tif"]
    assert output_paths(open_source(name), Path("out.h5:/x")) == [Path("out.h5:/x")]


def test_a_file_of_another_format_is_no_folder(files, tmp_path):
    (name,) = files("a.png")
    for file, ending in (("out.BMP", ".BMP"), ("out.mp4", ".mp4"), ("out.xyz", ".xyz"), ("out.tif.gz", ".gz")):
        said = f"{file}: Pellucid cannot write {ending} files; use one of .tif, .zarr, "
        with pytest.raises(InputError, match=re.escape(said)):
            output_paths(open_source(name), tmp_path / file)
    for folder in ("run.v2", "2024-05.1", "out", ".results"):
        assert output_paths(open_source(name), tmp_path / folder) == [tmp_path / folder / "a.png"]
    (tmp_path / "my.results").mkdir()
    assert output_paths(open_source(name), tmp_path / "my.results") == [tmp_path / "my.results" / "a.png"]


@pytest.mark.parametrize(
    ("name", "made"), [("a.jpg", "a.png"), ("a.raw:20x30xuint8", "a.tif"), ("a.ser", "a.tif"), ("a.lif:1", "a.tif")]
)
def test_what_is_only_read_becomes_another_format(tmp_path, name, made):
    image = open_array(np.zeros((20, 30), "uint8"), str(tmp_path / name))
    assert output_paths(Source([image], (), str(tmp_path / name)), tmp_path / "out") == [tmp_path / "out" / made]


def test_a_folder_with_one_image_goes_into_one_file(files, tmp_path):
    (name,) = files("in/a.png")
    for spec in (f"{tmp_path}/in", f"{tmp_path}/in/*.png", [name]):
        assert output_paths(open_source(spec), tmp_path / "out.tif") == [tmp_path / "out.tif"]
    (tmp_path / "in" / "b.tif").write_text("damaged")
    with pytest.raises(InputError, match="names one file for 2 images"):
        output_paths(open_usable(f"{tmp_path}/in"), tmp_path / "out.tif")


def test_images_keep_their_names_in_a_folder(files, tmp_path):
    names = files("a.png", "b.ome.tif")
    expected = [tmp_path / "out/a.png", tmp_path / "out/b.ome.tif"]
    assert output_paths(open_source(str(tmp_path)), tmp_path / "out") == expected
    assert output_paths(open_source(names), tmp_path / "out") == expected


def test_several_images_do_not_fit_one_file(files, tmp_path):
    names = files("a.png", "b.png")
    with pytest.raises(InputError, match=r"out\.tif: names one file for 2 images: give a folder"):
        output_paths(open_source(names), tmp_path / "out.tif")


def test_a_format_that_is_only_read_becomes_png(tmp_path):
    Picture.fromarray(np.arange(400, dtype=np.uint8).reshape(20, 20)).save(tmp_path / "a.jpg")
    assert output_paths(open_source(str(tmp_path)), tmp_path / "out") == [tmp_path / "out/a.png"]


def test_a_folder_that_is_an_image_becomes_a_zarr(files, tmp_path):
    (name,) = files("a.zarr")
    Path(name).rename(tmp_path / "scan")
    source = open_source(tmp_path / "scan")
    assert output_paths(source, tmp_path / "out") == [tmp_path / "out/scan.zarr"]


@pytest.mark.parametrize(
    ("path", "expected", "as_float"),
    [
        ("d/cells.ome.tif", "d/estimates/F/cells.ome.tif", "d/noise/cells.ome.tif"),
        ("cells.png", "estimates/F/cells.png", "noise/cells.tif"),
        ("d/cells.h5:/raw/em", "d/estimates/F/cells.h5:/raw/em", "d/noise/cells.h5:/raw/em"),
        ("d/cells.mrc", "d/estimates/F/cells.mrc", "d/noise/cells.mrc"),
    ],
)
def test_what_goes_beside_results_has_folders_of_its_own(path, expected, as_float):
    assert in_folder(Path(path), "estimates", "F") == Path(expected)
    assert float_path(in_folder(Path(path), "noise")) == Path(as_float)


def test_existing_files_are_named(files, tmp_path):
    files("a.png")
    refuse_existing([tmp_path / "b.png"])
    with pytest.raises(InputError, match=r"a\.png: exists already; .*--overwrite"):
        refuse_existing([tmp_path / "b.png", tmp_path / "a.png"])


def test_the_input_is_never_an_output(files, tmp_path):
    names = files("a.png", "b.png")
    folder, glob = str(tmp_path), f"{tmp_path}/*.png"
    (tmp_path / "link").symlink_to(tmp_path)
    for spec, output in (
        (names, tmp_path / "a.png"),
        (names[1], tmp_path / "sub/../b.png"),
        (glob, tmp_path / "link" / "a.png"),
        (folder, tmp_path / "new.png"),
        (folder, tmp_path / "below" / "new.png"),
    ):
        with pytest.raises(InputError, match="is inside the input, which is never changed; choose another output"):
            refuse_unsafe([output], open_source(spec))
    refuse_unsafe([tmp_path / "a_denoised.png"], open_source(names[0]))
    refuse_unsafe([tmp_path / "below" / "a.png"], open_source(glob))


def test_the_inside_of_an_image_that_is_a_folder_is_the_input_too(files, tmp_path):
    (name,) = files("a.zarr")
    with pytest.raises(InputError, match="is inside the input"):
        refuse_unsafe([tmp_path / "a.zarr" / "out.png"], open_source(name))


def test_images_of_one_file_get_names_of_their_own(tmp_path):
    with h5py.File(tmp_path / "stack.h5", "w") as file:
        for name in ("raw", "aligned/raw"):
            file[name] = np.zeros((20, 20), np.uint8)
    source = open_source([f"{tmp_path / 'stack.h5'}:/{name}" for name in ("raw", "aligned/raw")])
    assert [path.name for path in output_paths(source, tmp_path / "out")] == ["stack_raw.h5", "stack_aligned_raw.h5"]
    (alone,) = output_paths(open_source(f"{tmp_path / 'stack.h5'}:/raw"), tmp_path / "out")
    assert alone.name == "stack.h5"


def test_two_outputs_in_one_file_are_refused(files, tmp_path):
    names = files("x/a.png", "y/a.png")
    source = open_source(names)
    with pytest.raises(InputError, match=r"several outputs would be named a\.png: use different output folders"):
        refuse_unsafe(output_paths(source, tmp_path / "out"), source)
    with pytest.raises(InputError, match=r"several outputs would be named b\.h5"):
        refuse_unsafe([Path("b.h5:/1"), Path("b.h5:/2")], source)


def test_a_result_has_the_extension_of_the_content(tmp_path, picture):
    for number, name in enumerate(("a.png", "b.png")):
        write_array(tmp_path / "in" / f"{number}.tif", picture((3, 16, 16)))
        (tmp_path / "in" / f"{number}.tif").rename(tmp_path / "in" / name)
    write_array(tmp_path / "in" / "c.png", picture((16, 16)))
    names = [path.name for path in output_paths(open_source(tmp_path / "in"), tmp_path / "out")]
    assert names == ["a.tif", "b.tif", "c.png"]
