from __future__ import annotations

import numpy as np
import pytest
import tensorstore
import zarr
from numcodecs import Zlib
from ome_zarr_models.v04.image import ImageAttrs as Attributes04
from zarr.codecs import GzipCodec

from pellucid.errors import InputError
from pellucid.io.formats import zarr as zarr_format
from pellucid.io.formats import zarr_metadata
from pellucid.io.formats.zarr_design import Design
from pellucid.io.formats.zarr_metadata import ZarrStyle, whole_factors
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.pyramid import downsample
from pellucid.io.registry import open_image

SIZES = {"T": 2, "C": 2, "Z": 20, "Y": 90, "X": 1030}
SIZE = PixelSize({"Z": 8.0, "Y": 4.0, "X": 4.0}, "nm")
CHANNEL = {"label": "EM", "color": "FFFFFF", "window": {"start": 0, "end": 255, "min": 0, "max": 255}, "active": True}


def plan_for(path, axes="ZYX", dtype="uint8", **given):
    given = {"pixel_size": SIZE.along(axes), "levels": True, **given}
    return OutputSpec(str(path), axes, tuple(SIZES[axis] for axis in axes), np.dtype(dtype), **given)


def write(path, spec, array):
    """An OME-Zarr with all its levels, each made from the one above."""
    writer = zarr_format.create(path, spec)
    for level in writer.levels:
        array = downsample(array, [level.factors[axis] for axis in spec.axes])
        assert array.shape == level.shape
        level.array[...] = level.layout.from_axes(array, spec.axes)
    writer.finish()
    return writer


def stored(path, version):
    """An array as another library reads it."""
    driver = {2: "zarr", 3: "zarr3"}[version]
    return tensorstore.open({"driver": driver, "kvstore": {"driver": "file", "path": str(path)}}, open=True).result()


@pytest.mark.parametrize(("version", "shards"), [(2, None), (3, None), (3, {"Z": 8, "Y": 128, "X": 512})])
@pytest.mark.parametrize("axes", ["YX", "ZYX", "TCZYX"])
def test_a_pyramid_is_valid_and_read_by_others(tmp_path, valid, version, shards, axes):
    path = tmp_path / "a.zarr"
    style = ZarrStyle(version, {"Z": 4, "Y": 64, "X": 256}, shards)
    spec = plan_for(path, axes, style=style)
    array = np.random.default_rng(0).integers(0, 255, spec.shape[-2:]).astype(np.uint8)
    array = np.broadcast_to(array, spec.shape)
    write(path, spec, array)

    multiscale = valid(path, version)
    assert "".join(axis.name for axis in multiscale.axes).upper() == axes
    assert [axis.type for axis in multiscale.axes] == [
        {"t": "time", "c": "channel"}.get(a, "space") for a in axes.lower()
    ]
    assert len(multiscale.datasets) == 3
    for number, dataset in enumerate(multiscale.datasets):
        level = stored(path / dataset.path, version)
        np.testing.assert_array_equal(level.read().result(), array)
        transforms = {one.type: one for one in dataset.coordinateTransformations}
        depth = [1, 1, 2][number]  # the first halving makes pixels of 8 × 8 × 8 nm
        scale = {"Z": 8.0 * depth, "Y": 4.0 * 2**number, "X": 4.0 * 2**number}
        shift = {"Z": 4.0 * (depth - 1), "Y": 2.0 * (2**number - 1), "X": 2.0 * (2**number - 1)}
        assert transforms["scale"].scale == [scale.get(axis, 1.0) for axis in axes]
        if number:
            assert transforms["translation"].translation == [shift.get(axis, 0.0) for axis in axes]
        grid = zarr.open_array(path / dataset.path, mode="r")
        assert (grid.shards is not None) == (shards is not None)
        array = downsample(array, [(2 if number else 1) if a == "Z" else 2 if a in "YX" else 1 for a in axes])


@pytest.mark.parametrize(("version", "compressor"), [(2, Zlib(2)), (3, GzipCodec(level=3))])
def test_what_the_input_says_is_said_again(tmp_path, valid, version, compressor):
    one, other = tmp_path / "one.zarr", tmp_path / "other.zarr"
    style = ZarrStyle(
        version=version,
        chunks={"T": 1, "C": 2, "Z": 5, "Y": 20, "X": 100},
        shards={"T": 2, "C": 2, "Z": 10, "Y": 40, "X": 400} if version == 3 else None,
        compressors=(compressor,),
        levels=({"T": 1, "C": 1, "Z": 1, "Y": 2, "X": 3}, {"T": 1, "C": 1, "Z": 2, "Y": 2, "X": 2}),
        scale={"T": 0.5, "C": 1.0, "Z": 8.0, "Y": 4.0, "X": 4.0},
        translation={"T": 7.0, "Z": 80.0, "X": -4.0},
        units={"T": "second", "Z": "nanometer", "Y": "nanometer", "X": "nanometer"},
        name="cortex",
        omero={"channels": [CHANNEL, CHANNEL]},
    )
    zarr_format.create(one, plan_for(one, "TCZYX", style=style))
    image = open_image(one)
    assert image.style == style
    zarr_format.create(other, plan_for(other, "TCZYX", style=image.style))

    first, second = (zarr.open_group(path, mode="r") for path in (one, other))
    assert dict(first.attrs) == dict(second.attrs)
    assert valid(other, version).name == "cortex"
    told = second.attrs if version == 2 else second.attrs["ome"]
    assert told["omero"]["channels"][0] == CHANNEL
    multiscale = told["multiscales"][0]
    assert multiscale["axes"][0] == {"name": "t", "type": "time", "unit": "second"}
    scales = [level["coordinateTransformations"][0]["scale"] for level in multiscale["datasets"]]
    assert scales == [[0.5, 1.0, 8.0, 4.0, 4.0], [0.5, 1.0, 8.0, 8.0, 12.0], [0.5, 1.0, 16.0, 16.0, 24.0]]
    for number in range(3):
        assert first[str(number)].metadata == second[str(number)].metadata
        assert second[str(number)].compressors == (compressor,)
    assert second["0"].chunks == (1, 2, 5, 20, 100)


def test_uncompressed_stays_so_and_rare_codecs_are_replaced(tmp_path):
    zarr.create_array(tmp_path / "raw.zarr", shape=(64, 64), dtype="uint8", compressors=None)
    raw = open_image(tmp_path / "raw.zarr")
    zarr_format.create(tmp_path / "b.zarr", OutputSpec("b.zarr", "YX", raw.shape, raw.dtype, style=raw.style))
    assert zarr.open_array(tmp_path / "b.zarr/0", mode="r").compressors == ()
    assert zarr_metadata._plain([object()]) == "auto"


def test_a_region_lies_where_it_was_cut_out(tmp_path):
    style = ZarrStyle(translation={"Z": 100.0}, scale={"T": 0.5})
    spec = plan_for(tmp_path / "a.zarr", "TZYX", style=style, offset={"T": 4, "Z": 3, "Y": 10})
    (dataset, *_) = Design.of(spec).attributes()["ome"]["multiscales"][0]["datasets"]
    assert dataset["coordinateTransformations"][1]["translation"] == [2.0, 124.0, 40.0, 0.0]
    zarr_format.create(tmp_path / "a.zarr", spec)
    assert open_image(tmp_path / "a.zarr").style.translation == {"T": 2.0, "Z": 124.0, "Y": 40.0}


def test_a_place_in_another_unit_than_the_pixels_comes_to_theirs(tmp_path):
    units = {"z": "micrometer", "y": "nanometer", "x": "nanometer"}
    axes = [{"name": name, "type": "space", "unit": unit} for name, unit in units.items()]
    steps = [{"type": "scale", "scale": [0.04, 4.0, 4.0]}, {"type": "translation", "translation": [1.5, 8.0, 0.0]}]
    datasets = [{"path": "0", "coordinateTransformations": steps}]
    attributes = {"multiscales": [{"version": "0.4", "axes": axes, "datasets": datasets}]}
    group = zarr.create_group(tmp_path / "a.zarr", zarr_format=2, attributes=attributes)
    group.create_array("0", shape=(3, 20, 20), dtype="uint8")
    image = open_image(tmp_path / "a.zarr")
    assert image.pixel_size == PixelSize({"Z": 40.0, "Y": 4.0, "X": 4.0}, "nm")
    assert image.style.translation == {"Z": pytest.approx(1500.0), "Y": 8.0}


def test_scales_without_a_length_are_kept(tmp_path):
    spec = OutputSpec(
        "a.zarr", "ZYX", (2, 20, 20), np.dtype("uint8"), style=ZarrStyle(scale={"Z": 3.0}, units={"X": "pixel"})
    )
    zarr_format.create(tmp_path / "a.zarr", spec)
    image = open_image(tmp_path / "a.zarr")
    assert image.pixel_size is None
    assert (image.style.scale["Z"], image.style.units) == (3.0, {"X": "pixel"})


@pytest.mark.parametrize(
    ("scales", "factors"),
    [
        ([{"Y": 1.0, "X": 1.0}, {"Y": 2.0, "X": 3.0}], ({"Y": 2, "X": 3},)),
        ([{"Y": 0.1}, {"Y": 0.2}, {"Y": 0.8}], ({"Y": 2}, {"Y": 4})),
        ([{"Y": 1.0}], None),
        ([{"Y": 1.0}, {"Y": 1.0}], None),
        ([{"Y": 1.0}, {"Y": 1.5}], None),
        ([{"Y": 0.0}, {"Y": 1.0}], None),
        ([{"T": 1.0, "Y": 1.0}, {"T": 2.0, "Y": 2.0}], None),
        ([{"Y": 4.0}, {"Y": 2.0}], None),
    ],
)
def test_levels_are_taken_over_where_their_factors_are_whole(scales, factors):
    assert whole_factors(scales) == factors


def test_levels_that_would_be_a_few_pixels_are_left_out(tmp_path):
    style = ZarrStyle(levels=({"Y": 4, "X": 4},) * 4)
    assert len(Design.of(plan_for(tmp_path / "a.zarr", style=style)).sizes) == 2
    assert len(Design.of(plan_for(tmp_path / "a.zarr", style=style, levels=False)).sizes) == 1


@pytest.mark.parametrize(
    ("given", "chunks", "shards"),
    [
        ({"levels": False}, (1, 90, 1024), None),
        ({}, (16, 90, 256), None),
        ({"style": ZarrStyle(chunks={"Z": 3, "Y": 700, "X": 70})}, (3, 90, 70), None),
        ({"chunks": (2, 64, 64), "style": ZarrStyle(chunks={"Z": 3, "Y": 70, "X": 70})}, (2, 64, 64), None),
        ({"chunks": (8, 64, 64), "shards": (16, 256, 2048)}, (8, 64, 64), (16, 128, 1088)),
        ({"chunks": (8, 64, 64), "style": ZarrStyle(shards={"Z": 8, "Y": 128, "X": 64})}, (8, 64, 64), (8, 128, 64)),
        ({"chunks": (8, 50, 64), "style": ZarrStyle(shards={"Z": 8, "Y": 128, "X": 64})}, (8, 50, 64), None),
    ],
)
def test_chunks_and_shards_are_those_asked_for_else_the_inputs(tmp_path, given, chunks, shards):
    writer = zarr_format.create(tmp_path / "a.zarr", plan_for(tmp_path / "a.zarr", **given))
    assert (writer.array.chunks, writer.array.shards) == (chunks, shards)
    assert writer.unit == (shards or chunks)
    assert writer.levels[0].array is writer.array
    assert [level.unit for level in writer.levels[1:]] == [
        tuple(level.array.shards or level.array.chunks) for level in writer.levels[1:]
    ]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"chunks": (64, 64)}, r"chunks \(64, 64\) do not fit the axes ZYX"),
        ({"chunks": (0, 64, 64)}, "give a positive number for each"),
        ({"shards": (1, 64)}, r"shards \(1, 64\) do not fit"),
        ({"chunks": (1, 64, 64), "shards": (1, 100, 64)}, r"shards \(1, 100, 64\) are not multiples of the chunks"),
        ({"style": ZarrStyle(2), "shards": (16, 256, 256)}, r"the input is OME-Zarr 0\.4, which has no shards"),
    ],
)
def test_chunks_and_shards_that_cannot_be_are_refused_before_anything_is_made(tmp_path, given, said):
    with pytest.raises(InputError, match=rf"a\.zarr: .*{said}"):
        zarr_format.create(tmp_path / "a.zarr", plan_for(tmp_path / "a.zarr", **given))
    assert list(tmp_path.iterdir()) == []


def test_channels_of_version_0_4_are_valid(tmp_path):
    spec = plan_for(tmp_path / "a.zarr", "CYX", style=ZarrStyle(2, omero={"channels": [CHANNEL, CHANNEL]}))
    zarr_format.create(tmp_path / "a.zarr", spec)
    checked = Attributes04.model_validate(dict(zarr.open_group(tmp_path / "a.zarr", mode="r").attrs))
    assert [channel.label for channel in checked.omero.channels] == ["EM", "EM"]


def test_what_other_formats_lose_is_named():
    style = ZarrStyle(
        scale={"T": 0.5, "C": 1.0, "Z": 30.0, "Y": 4.0, "X": 4.0},
        units={"T": "second", "Y": "nanometer", "X": "nanometer"},
        translation={"X": 3.0},
        attributes={"dose": 3, "ome": {"_creator": {}}},
        multiscale={"metadata": {}},
    )
    assert style.annotations == (
        "scale: T 0.5 second, Z 30",
        "the position of the image",
        "attributes: dose, _creator",
        "of the multiscale: metadata",
    )
    assert ZarrStyle().annotations == ()


def test_names_of_levels_are_kept_and_counted_on(tmp_path):
    for names, made in (
        ((), ["0", "1", "2"]),
        (("s0",), ["s0", "s1", "s2"]),
        (("full", "half"), ["full", "half", "2"]),
        (("scale0/image",), ["scale0/image", "scale1/image", "scale2/image"]),
    ):
        path = tmp_path / f"{len(made[0])}.zarr"
        spec = plan_for(path, "YX", style=ZarrStyle(level_names=names))
        assert Design.of(spec).level_names == made
        zarr_format.create(path, spec)
        assert [zarr.open_array(path / name, mode="r").shape[0] for name in made] == [90, 45, 23]
