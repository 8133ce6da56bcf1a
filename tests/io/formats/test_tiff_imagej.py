"""What ImageJ writes beside the pixels is in the copy too, and is cut with the image."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from pellucid.io.formats import tiff
from pellucid.io.output_spec import OutputSpec
from pellucid.io.registry import open_image

SHAPE = (2, 3, 2, 20, 30)
LUTS = [np.outer(np.eye(3)[channel], np.arange(256)).astype(np.uint8) for channel in range(2)]
SAID = {
    "finterval": 2.5,
    "fps": 0.4,
    "mode": "composite",
    "loop": True,
    "min": 40.0,
    "max": 200.0,
    "xorigin": 12.0,
    "cf": 0,
    "vunit": "Gray",
    "Labels": [f"BSE {number}" for number in range(12)],
    "LUTs": LUTS,
    "Ranges": (40.0, 200.0, 30.0, 210.0),
    "Info": "EHT = 1.5 kV",
    "Overlays": [b"Iout" + bytes(60)],
    "ROI": b"Iout" + bytes(64),
    "Properties": {"operator": "Müller"},
}


@pytest.fixture(params=["<", ">"])
def source(request, tmp_path, picture):
    options = {"axes": "TZCYX", "unit": "nm", "spacing": 25.0, **SAID}
    array = picture(SHAPE, "uint16").astype(f"{request.param}u2")
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, array, imagej=True, byteorder=request.param, resolution=(0.2, 0.2), metadata=options)
    return open_image(path)


def written(image, path, shape=SHAPE, **options):
    spec = OutputSpec(str(path), image.axes, shape, image.dtype, image.pixel_size, image.style, **options)
    writer = tiff.create(path, spec)
    writer.finish()
    with tifffile.TiffFile(path) as tif:
        return tif.imagej_metadata, writer.notes


def test_everything_is_kept(source, tmp_path):
    metadata, notes = written(source, tmp_path / "b.tif", history="denoised with Pellucid")
    assert notes == []
    assert (metadata["unit"], metadata["spacing"]) == ("nm", 25.0)
    for key, value in SAID.items():
        if key == "LUTs":
            np.testing.assert_array_equal(metadata[key], value)
        elif key == "Info":
            assert metadata[key] == "EHT = 1.5 kV\ndenoised with Pellucid\n"
        elif key == "Overlays":
            assert metadata[key] == value[0]
        else:
            assert metadata[key] == value
    again = open_image(tmp_path / "b.tif")
    assert again.style == source.style
    assert again.pixel_size == source.pixel_size
    assert again.style.annotations == source.style.annotations
    assert source.style.annotations == (
        "labels",
        "colours",
        "display range",
        "info text",
        "overlay",
        "properties",
        "frame interval",
        "calibration of values",
        "origin",
    )


def test_a_part_keeps_what_belongs_to_it(source, tmp_path):
    offset = {"T": 1, "Z": 1, "C": 1, "X": 10}
    metadata, notes = written(source, tmp_path / "b.tif", (1, 2, 1, 20, 15), offset=offset)
    assert metadata["Labels"] == ["BSE 9", "BSE 11"]
    np.testing.assert_array_equal(metadata["LUTs"], LUTS[1])
    assert metadata["Ranges"] == (30.0, 210.0)
    assert metadata["xorigin"] == 2.0
    assert "Overlays" not in metadata
    assert "ROI" not in metadata
    assert notes == ["not kept: overlay"]


def test_another_kind_tells_what_it_does_not_keep(source, tmp_path):
    spec = OutputSpec("b.tif", source.axes, SHAPE, np.dtype("int16"), None, source.style)
    writer = tiff.create(tmp_path / "b.tif", spec)
    writer.abort()
    assert writer.notes == [f"not kept: {', '.join(source.style.annotations)}"]


def test_unknown_tags_of_imagej_are_told(tmp_path, picture):
    metadata = {"Info": "x", "Plot": b"1234"}
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), imagej=True, metadata=metadata)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data.replace(b"tolp", b"xyzw"))
    image = open_image(tmp_path / "a.tif")
    assert image.style.annotations == ("info text", "ImageJ's 'xyzw'")
    metadata, notes = written(image, tmp_path / "b.tif", (20, 30))
    assert metadata["Info"] == "x"
    assert notes == ["not kept: ImageJ's 'xyzw'"]
