"""OME-XML is kept; what the pixels determine is written anew."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import pytest
import tifffile

from pellucid.io.formats import tiff
from pellucid.io.output_spec import OutputSpec
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image

SHAPE = (3, 2, 20, 30)
METADATA = {
    "axes": "TCYX",
    "PhysicalSizeX": 5.0,
    "PhysicalSizeXUnit": "nm",
    "PhysicalSizeY": 6.0,
    "PhysicalSizeYUnit": "nm",
    "TimeIncrement": 2.5,
    "SignificantBits": 12,
    "Name": "cell 7",
    "Description": "knock-out",
    "AcquisitionDate": "2024-05-01T10:11:12",
    "Channel": {"Name": ["BSE", "SE2"], "Color": [-1, 16711935]},
    "Plane": {"PositionX": [float(n) for n in range(6)], "PositionXUnit": ["µm"] * 6, "DeltaT": [0, 0, 2.5, 2.5, 5, 5]},
}
INSTRUMENT = (
    '<Instrument ID="Instrument:0"><Microscope Manufacturer="Maker" Model="M1"/>'
    '<Objective ID="Objective:0" NominalMagnification="60.0"/></Instrument>'
)
ROI = '<ROI ID="ROI:0"><Union><Point ID="Shape:0:0" X="3.0" Y="4.0"/></Union></ROI>'
NOTE = (
    '<StructuredAnnotations><CommentAnnotation ID="Annotation:0"><Value>looked at by A</Value></CommentAnnotation>'
    "</StructuredAnnotations>"
)


@pytest.fixture
def source(tmp_path, picture):
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, picture(SHAPE, "uint16"), ome=True, metadata=METADATA, photometric="minisblack")
    text = tifffile.tiffcomment(path)
    text = text.replace("<Image ", f"{INSTRUMENT}<Image ", 1).replace("</OME>", f"{NOTE}{ROI}</OME>")
    text = text.replace("<Pixels ", '<InstrumentRef ID="Instrument:0"/><Pixels ', 1)
    tifffile.tiffcomment(path, text.encode())
    return open_image(path)


def written(image, path, shape=SHAPE, **options):
    spec = OutputSpec(
        **{"path": str(path), "axes": image.axes, "shape": shape, "dtype": image.dtype, "style": image.style}
        | {"pixel_size": image.pixel_size}
        | options
    )
    writer = tiff.create(path, spec)
    writer.finish()
    with tifffile.TiffFile(path) as tif:
        assert tif.is_ome
        assert tif.series[0].shape == tuple(size for size in spec.shape if size > 1)
        return ElementTree.fromstring(tif.ome_metadata), writer.notes


def find(root, name):
    return [element for element in root.iter() if element.tag.endswith(f"}}{name}")]


def test_everything_is_kept(source, tmp_path):
    root, notes = written(source, tmp_path / "b.ome.tif", history="denoised with Pellucid")
    assert notes == []
    (image,), (pixels,) = find(root, "Image"), find(root, "Pixels")
    assert image.get("Name") == "cell 7"
    assert find(root, "Description")[0].text == "knock-out\ndenoised with Pellucid"
    assert find(root, "AcquisitionDate")[0].text == "2024-05-01T10:11:12"
    kept = {"SizeT": "3", "SizeC": "2", "SizeZ": "1", "SignificantBits": "12", "TimeIncrement": "2.5", "Type": "uint16"}
    assert kept.items() <= pixels.attrib.items()
    assert [channel.get("Name") for channel in find(root, "Channel")] == ["BSE", "SE2"]
    assert [channel.get("Color") for channel in find(root, "Channel")] == ["-1", "16711935"]
    assert [plane.get("PositionX") for plane in find(root, "Plane")] == [str(float(n)) for n in range(6)]
    assert find(root, "Objective")[0].get("NominalMagnification") == "60.0"
    assert find(root, "Value")[0].text == "looked at by A"
    assert len(find(root, "ROI")) == len(find(root, "InstrumentRef")) == 1
    order = [child.tag.rpartition("}")[2] for child in image]
    assert order == ["AcquisitionDate", "Description", "InstrumentRef", "Pixels"]
    again = open_image(tmp_path / "b.ome.tif")
    assert again.pixel_size == source.pixel_size == PixelSize({"Y": 6.0, "X": 5.0}, "nm")
    assert again.style == source.style
    assert again.style.annotations == source.style.annotations
    assert set(source.style.annotations) >= {"channel names", "instrument", "regions of interest", "time increment"}


def test_whatever_ome_says_of_an_image_is_told(source, tmp_path):
    path = tmp_path / "a.ome.tif"
    text = tifffile.tiffcomment(path).replace("<Channel ", '<Channel EmissionWavelength="520" ')
    text = text.replace("<Instrument ", '<Experimenter ID="Experimenter:0"/><Instrument ', 1)
    tifffile.tiffcomment(path, text.encode())
    new = set(open_image(path).style.annotations) - set(source.style.annotations)
    assert new == {"channel settings", "experimenter"}
    assert "significant bits" in source.style.annotations
    tifffile.tiffcomment(path, text.replace('SignificantBits="12"', 'SignificantBits="16"').encode())
    assert "significant bits" not in open_image(path).style.annotations


def test_a_part_keeps_what_belongs_to_it(source, tmp_path):
    root, notes = written(source, tmp_path / "b.ome.tif", (2, 1, 20, 10), offset={"T": 1, "C": 1, "X": 20})
    assert notes == ["not kept: regions of interest"]
    assert [channel.get("Name") for channel in find(root, "Channel")] == ["SE2"]
    planes = [(plane.get("TheT"), plane.get("TheC"), plane.get("PositionX")) for plane in find(root, "Plane")]
    assert planes == [("0", "0", "3.0"), ("1", "0", "5.0")]
    assert find(root, "ROI") == []


def test_another_pixel_type_is_written_as_such(source, tmp_path):
    root, _ = written(source, tmp_path / "b.ome.tif", dtype=np.dtype("float32"))
    (pixels,) = find(root, "Pixels")
    assert pixels.get("Type") == "float"
    assert "SignificantBits" not in pixels.attrib
    assert open_image(tmp_path / "b.ome.tif").dtype == "float32"


def test_one_of_several_images_is_written_with_its_own_description(tmp_path, picture, pixels):
    with tifffile.TiffWriter(tmp_path / "a.ome.tif") as tif:
        for name, size in {"one": 3.0, "two": 4.0}.items():
            sizes = {"PhysicalSizeX": size, "PhysicalSizeXUnit": "nm", "PhysicalSizeY": size, "PhysicalSizeYUnit": "nm"}
            array = picture((3, 20, 30), "uint16", seed=int(size))
            tif.write(array, metadata={"axes": "ZYX", "Name": name, **sizes}, photometric="minisblack")
    image = open_image(f"{tmp_path}/a.ome.tif:1")
    np.testing.assert_array_equal(pixels(image), picture((3, 20, 30), "uint16", seed=4))
    assert image.pixel_size == PixelSize({"Y": 4.0, "X": 4.0}, "nm")
    root, notes = written(image, tmp_path / "b.ome.tif", (3, 20, 30))
    assert [element.get("Name") for element in find(root, "Image")] == ["two"]
    assert notes == ["not kept: 1 other image in the file"]


@pytest.mark.parametrize(
    ("sizes", "told"),
    [
        ({"X": (5.0, "pixel"), "Y": (5.0, "pixel")}, ("calibration (X 5.0 pixel, Y 5.0 pixel)",)),
        ({"X": (5.0, "nm")}, ("calibration (X 5.0 nm)",)),
        ({"X": (5.0, "nm"), "Y": (5.0, "nm"), "Z": (2.0, "reference frame")}, ("calibration (Z 2.0 reference frame)",)),
        ({"X": (0.0, "nm"), "Y": (0.0, "nm")}, ()),
        ({"X": (5.0, "nm"), "Y": (5.0, "nm"), "Z": (2.0, "nm")}, ()),
    ],
)
def test_sizes_that_are_not_read_are_told(tmp_path, picture, sizes, told):
    metadata = {"axes": "ZYX"}
    for axis, (size, unit) in sizes.items():
        metadata |= {f"PhysicalSize{axis}": size, f"PhysicalSize{axis}Unit": unit}
    tifffile.imwrite(tmp_path / "b.tif", picture((3, 20, 30)), ome=True, metadata=metadata, photometric="minisblack")
    assert open_image(tmp_path / "b.tif").style.annotations == told
