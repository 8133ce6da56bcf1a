from __future__ import annotations

import shutil

import numpy as np
import pytest
import zarr

from pellucid.errors import InputError
from pellucid.io.formats import zarr as zarr_format
from pellucid.io.formats import zarr_beside
from pellucid.io.output_spec import OutputSpec
from pellucid.io.registry import contents, open_image
from pellucid.io.writing import Writer, create_image

WINDOW = {"start": 0, "end": 9, "min": 0, "max": 255}
CHANNELS = [{"label": f"c{number}", "color": "FFFFFF", "window": WINDOW} for number in range(3)]


def described(name, axes, levels):
    scale = [{"type": "scale", "scale": [1.0] * len(axes)}, {"type": "translation", "translation": [5.0] * len(axes)}]
    kinds = {"c": "channel", "t": "time"}
    return {
        "name": name,
        "type": "gaussian",
        "metadata": {"method": "by hand", "history": "acquired"},
        "axes": [{"name": one, "type": kinds.get(one, "space")} for one in axes],
        "datasets": [{"path": level, "coordinateTransformations": scale} for level in levels],
    }


@pytest.fixture(params=[2, 3])
def store(tmp_path, picture, add_labels, request):
    """An OME-Zarr of two images, labels, a table, and attributes of the laboratory."""
    path, version = tmp_path / "a.zarr", request.param
    told = {
        "multiscales": [described("raw", "cyx", ["s0"]), described("aligned", "zyx", ["b/0"])],
        "omero": {"channels": CHANNELS, "rdefs": {"model": "color"}},
    }
    if version == 2:
        told["multiscales"] = [{"version": "0.4", **one} for one in told["multiscales"]]
        attributes = {**told, "dose": 3}
    else:
        attributes = {"ome": {"version": "0.5", **told, "_creator": {"name": "a program"}}, "dose": 3}
    group = zarr.create_group(path, zarr_format=version, attributes=attributes)
    array = group.create_array("s0", data=picture((3, 20, 30)), attributes={"gain": 7})
    assert array.shape == (3, 20, 30)
    group.create_array("b/0", data=picture((4, 20, 30)))
    add_labels(group, "cyx", (3, 20, 30))
    group.create_group("tables/cells", attributes={"rows": 5})
    return path, version


def write(target, image, shape=None, **given):
    shape = shape or image.shape
    spec = OutputSpec(str(target), image.axes, shape, image.dtype, image.pixel_size, image.style, **given)
    with Writer(spec) as writer:
        for number in range(spec.planes):
            writer.write(number, image.planes[number][: shape[-2], : shape[-1]])
    return writer


def test_a_result_has_the_labels_and_all_that_was_said_of_the_image(store, tmp_path, valid):
    path, version = store
    image = open_image(path)
    writer = write(tmp_path / "b.zarr", image, history="denoised")
    assert writer.notes == ["not kept: a second multiscale: aligned"]
    multiscale = valid(tmp_path / "b.zarr", version)
    group = zarr.open_group(tmp_path / "b.zarr", mode="r")
    np.testing.assert_array_equal(group["labels/nuclei/0"][:], zarr.open_array(path / "labels/nuclei/0", mode="r")[:])
    assert dict(group["tables/cells"].attrs) == {"rows": 5}
    assert multiscale.name == "raw"
    assert multiscale.metadata == {"method": "by hand", "history": ["acquired", "denoised"]}
    assert multiscale.type is None  # it says how levels were made, and there is one
    assert [one.path for one in multiscale.datasets] == ["s0"]
    assert list(multiscale.datasets[0].coordinateTransformations[1].translation) == [5.0, 5.0, 5.0]
    attributes = dict(group.attrs)
    assert attributes["dose"] == 3
    told = attributes if version == 2 else attributes["ome"]
    assert told["omero"] == {"channels": CHANNELS, "rdefs": {"model": "color"}}
    assert (version == 2) or told["_creator"] == {"name": "a program"}
    assert dict(group["s0"].attrs) == {"gain": 7}
    assert set(group) == {"s0", "labels", "tables"}


def test_a_result_that_is_resumed_has_the_labels_too(store, tmp_path):
    image = open_image(store[0])
    spec = OutputSpec(str(tmp_path / "b.zarr"), image.axes, image.shape, image.dtype, style=image.style)
    zarr_format.create(tmp_path / "b.zarr", spec).abort()
    assert set(zarr.open_group(tmp_path / "b.zarr", mode="r")) == {"s0"}  # they come last: chunks are counted before
    for _ in range(2):
        writer = zarr_format.reopen(tmp_path / "b.zarr", spec)
        assert writer.notes == ["not kept: a second multiscale: aligned"]
        writer.finish()
        assert set(zarr.open_group(tmp_path / "b.zarr", mode="r")) == {"s0", "labels", "tables"}


def test_labels_that_are_gone_in_the_end_are_named(store, tmp_path):
    image = open_image(store[0])
    spec = OutputSpec(str(tmp_path / "b.zarr"), image.axes, image.shape, image.dtype, style=image.style)
    writer = zarr_format.create(tmp_path / "b.zarr", spec)
    shutil.rmtree(store[0] / "labels")
    with pytest.raises(InputError, match=r"a\.zarr/labels: no such file; check the path"):
        writer.finish()


def test_another_format_tells_what_it_does_not_keep(store, tmp_path):
    path, _ = store
    with create_image(tmp_path / "b.npy", open_image(path)) as writer:
        for number in range(3):
            writer.write(number, np.zeros((20, 30), "uint8"))
    (note,) = [note for note in writer.notes if note.startswith("not kept by NPY")]
    for part in (
        "channel descriptions",
        "dose",
        "gain",
        "a second multiscale: aligned",
        "labels: nuclei",
        "tables: cells",
    ):
        assert part in note


def test_a_region_gets_its_channels_and_no_labels(store, tmp_path):
    path, version = store
    image = open_image(path)
    writer = write(tmp_path / "b.zarr", image, shape=(1, 20, 20), offset={"C": 1})
    (note,) = writer.notes
    assert note == "not kept: a second multiscale: aligned, labels: nuclei, tables: cells"
    group = zarr.open_group(tmp_path / "b.zarr", mode="r")
    assert set(group) == {"s0"}
    told = dict(group.attrs) if version == 2 else dict(group.attrs)["ome"]
    assert [channel["label"] for channel in told["omero"]["channels"]] == ["c1"]


@pytest.mark.parametrize("limit", ["_MOST_BYTES", "_MOST_FILES"])
def test_labels_that_are_large_are_named_and_not_copied(store, tmp_path, monkeypatch, limit):
    monkeypatch.setattr(zarr_beside, limit, 1)
    writer = write(tmp_path / "b.zarr", open_image(store[0]))
    assert "labels: nuclei" in writer.notes[0]
    assert not (tmp_path / "b.zarr" / "labels").exists()


def test_a_folder_named_like_a_level_of_the_output_is_not_copied_over_it(tmp_path, picture):
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=2)
    group.create_array("raw", data=picture((20, 30)))
    group.create_group("0/more")
    writer = write(tmp_path / "b.zarr", open_image(tmp_path / "a.zarr"))
    assert writer.notes == ["not kept: group 0"]
    np.testing.assert_array_equal(zarr.open_array(tmp_path / "b.zarr/0", mode="r")[:], picture((20, 30)))


@pytest.mark.parametrize("inner", ["aligned", "1"])
def test_an_image_is_chosen_by_name_or_number(store, pixels, picture, inner):
    path, _ = store
    image = open_image(f"{path}:{inner}")
    assert (image.path, image.axes, image.style.name) == (f"{path}:{inner}", "ZYX", "aligned")
    np.testing.assert_array_equal(pixels(image), picture((4, 20, 30)))
    assert "another multiscale: raw" in image.style.annotations
    assert open_image(f"{path}:raw").axes == "CYX"


def test_an_image_is_chosen_by_its_path(store, picture, pixels):
    path, _ = store
    for given in (f"{path}:b/0", path / "b" / "0", f"{path}:/b/0"):
        np.testing.assert_array_equal(pixels(open_image(given)), picture((4, 20, 30)))
    with pytest.raises(InputError, match=r"a\.zarr:third: has no image third; it has raw, aligned"):
        open_image(f"{path}:third")
    (path / "b" / "0").rename(path / "b" / "0.zarr")
    with pytest.raises(InputError, match=r"0\.zarr:third: has no image third; check the path in it"):
        open_image(f"{path / 'b' / '0.zarr'}:third")


def test_a_store_lists_its_images(store):
    path, _ = store
    assert contents(path) == [f"{path}:raw CYX (3, 20, 30) uint8", f"{path}:aligned ZYX (4, 20, 30) uint8"]
    assert [open_image(line.split()[0]).shape for line in contents(path)] == [(3, 20, 30), (4, 20, 30)]


def test_a_collection_lists_its_images_and_tells_of_its_metadata(tmp_path, picture):
    path = tmp_path / "a.zarr"
    zarr.create_group(path, zarr_format=2, attributes={"bioformats2raw.layout": 3})
    (path / "OME").mkdir()
    (path / "OME" / "METADATA.ome.xml").write_text("<OME/>")
    for number in ("0", "1"):
        group = zarr.create_group(
            path / number, zarr_format=2, attributes={"multiscales": [described(None, "yx", ["0"])]}
        )
        group.create_array("0", data=picture((20, 30)))
        if number == "0":
            image = open_image(path)
            assert "folder OME" in image.style.annotations
            assert write(tmp_path / "b.zarr", image).notes == ["not kept: folder OME"]
    assert contents(path) == [f"{path}/0 YX (20, 30) uint8", f"{path}/1 YX (20, 30) uint8"]
    assert open_image(path / "1").shape == (20, 30)


def test_an_output_names_no_image_inside(tmp_path, picture, store):
    with pytest.raises(InputError, match=r"b\.zarr:second: an OME-Zarr is written with one image; leave out ':second'"):
        create_image(f"{tmp_path}/b.zarr:second", open_image(store[0]))


def test_single_files_beside_an_image_are_told_to_be_left_out(store, tmp_path):
    path, _ = store
    (path / "notes.txt").write_text("mine")
    image = open_image(path)
    assert "file notes.txt" in image.style.annotations
    writer = write(tmp_path / "b.zarr", image)
    assert writer.notes == ["not kept: a second multiscale: aligned, file notes.txt"]
