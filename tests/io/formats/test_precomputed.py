from __future__ import annotations

import json

import numpy as np
import pytest
import tensorstore

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image

ARRAY = np.random.default_rng(0).integers(0, 255, (2, 6, 40, 50)).astype(np.uint8)


def make(path, array=ARRAY, scales=(1,), **scale):
    """A volume (C, Z, Y, X) as other programs write it, with coarser scales by picking pixels."""
    for step in scales:
        part = array[..., ::step, ::step]
        spec = {
            "driver": "neuroglancer_precomputed",
            "kvstore": {"driver": "file", "path": str(path)},
            "multiscale_metadata": {"type": "image", "data_type": array.dtype.name, "num_channels": len(array)},
            "scale_metadata": {
                "size": part.shape[:0:-1],
                "resolution": [4 * step, 4 * step, 40],
                "chunk_size": [16, 16, 4],
                "encoding": "raw",
                **scale,
            },
        }
        tensorstore.open(spec, create=True, open=True).result()[...] = part.T


def edit(path, **changes):
    file = path / "info"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def test_a_volume_is_read_where_it_lies(tmp_path, pixels):
    make(tmp_path / "layer", ARRAY[:1], scales=(1, 2), voxel_offset=[10, 20, 3])
    image = open_image(tmp_path / "layer")
    assert (image.axes, image.shape, image.chunks) == ("ZYX", (6, 40, 50), (4, 16, 16))
    assert image.pixel_size == PixelSize({"Z": 40.0, "Y": 4.0, "X": 4.0}, "nm")
    assert image.style.translation == {"Z": 120.0, "Y": 80.0, "X": 40.0}
    assert image.style.levels == ({"Z": 1, "Y": 2, "X": 2},)
    np.testing.assert_array_equal(pixels(image), ARRAY[0])
    np.testing.assert_array_equal(image.read_block((slice(2, 5),), slice(9, 33), slice(0, 50)), ARRAY[0, 2:5, 9:33])


def test_several_channels_lead(tmp_path, pixels):
    make(tmp_path / "layer")
    image = open_image(tmp_path / "layer")
    assert (image.axes, image.shape) == ("CZYX", ARRAY.shape)
    np.testing.assert_array_equal(pixels(image), ARRAY)


def test_shards_are_read(tmp_path, pixels):
    sharding = {
        "@type": "neuroglancer_uint64_sharded_v1",
        "preshift_bits": 1,
        "minishard_bits": 1,
        "shard_bits": 1,
        "hash": "identity",
    }
    make(tmp_path / "layer", ARRAY[:1], sharding=sharding)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "layer")), ARRAY[0])


def test_missing_chunks_are_zero_and_damaged_ones_are_named(tmp_path, pixels):
    make(tmp_path / "layer", ARRAY[:1])
    first, second, *_ = sorted(file for file in (tmp_path / "layer").rglob("0-16_*_0-4"))
    first.unlink()
    image = open_image(tmp_path / "layer")
    assert not pixels(image)[:4, :16, :16].any()
    second.write_bytes(second.read_bytes()[:40])
    with pytest.raises(InputError, match=r"layer\[0:4, 16:32, 0:16\]: cannot be read; it may be damaged"):
        image.read_block((slice(0, 4),), slice(16, 32), slice(0, 16))


def test_labels_are_no_image(tmp_path):
    make(tmp_path / "layer")
    edit(tmp_path / "layer", type="segmentation")
    with pytest.raises(InputError, match="layer: is a segmentation, not an image"):
        open_image(tmp_path / "layer")


@pytest.mark.parametrize("changes", [{"scales": []}, {"scales": [{}]}, {"data_type": "tensor"}])
def test_a_damaged_info_is_named(tmp_path, changes):
    make(tmp_path / "layer")
    edit(tmp_path / "layer", **changes)
    with pytest.raises(InputError, match="layer: cannot be read; it may be damaged") as caught:
        open_image(tmp_path / "layer")
    assert "\n" not in str(caught.value)


def test_a_folder_by_that_name_without_info_is_refused(tmp_path):
    (tmp_path / "a.precomputed").mkdir()
    with pytest.raises(InputError, match=r"a\.precomputed: is not a precomputed volume, as it has no file 'info'"):
        open_image(tmp_path / "a.precomputed")


def test_a_result_becomes_a_zarr_at_the_same_place(tmp_path, pixels):
    make(tmp_path / "layer", ARRAY[:1], voxel_offset=[10, 20, 3])
    (image,) = open_source(tmp_path / "layer").images
    with create_image(tmp_path / "b.zarr", image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    made = open_image(tmp_path / "b.zarr")
    np.testing.assert_array_equal(pixels(made), ARRAY[0])
    assert (made.chunks, made.pixel_size, made.style.translation) == (
        image.chunks, image.pixel_size, image.style.translation,
    )  # fmt: skip
