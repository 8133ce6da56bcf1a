"""TIFF files that say much beside their pixels, and how tifffile reads what they say."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import tifffile

from tests.io.formats import test_tiff_imagej, test_tiff_ome
from tests.io.formats.matrix_fields import FLAT, Field, Source
from tests.io.formats.matrix_pixels import picture


def _tag(code: int, path: Path) -> Any:
    with tifffile.TiffFile(path) as file:
        return file.pages[0].tags.valueof(code)


def _of_tiff(read: Callable[[Any], Any], path: Path) -> Any:
    with tifffile.TiffFile(path) as file:
        return read(file)


def _plain(path: Path) -> None:
    tags = [
        (271, 2, 0, b"Zeiss\0", True),
        (315, 2, 0, b"A. B.\0", True),
        (274, 3, 1, 6, True),
        (34118, 2, 0, b"AP_IMAGE_PIXEL_SIZE\r\nImage Pixel Size = 5.0 nm\r\n\0", True),
        (50000, 4, 3, np.array([1, 70000, 3], "u4").tobytes(), True),
        (281, 3, 1, 119, True),
    ]
    texts = {"description": "WD = 5.1 mm", "software": "SmartSEM", "datetime": "2024:05:01 10:11:12"}
    stored = {"compression": "zlib", "predictor": True, "tile": (16, 16), "bigtiff": True, "iccprofile": b"grey"}
    tifffile.imwrite(path, picture("ZYX"), metadata=None, photometric="miniswhite", extratags=tags, **texts, **stored)


def _pages(path: Path) -> None:
    with tifffile.TiffWriter(path) as file:
        for number, plane in enumerate(picture("ZYX")):
            file.write(plane, description=f"section {number}", metadata=None, contiguous=False)


def _alpha(path: Path) -> None:
    planes = np.stack([picture("YX")] * 2, -1)
    tifffile.imwrite(path, planes, photometric="minisblack", extrasamples=["unassalpha"], metadata=None)


def _pyramid(path: Path) -> None:
    with tifffile.TiffWriter(path) as file:
        file.write(picture("YX"), subifds=1, metadata=None)
        file.write(picture("YX")[::2, ::2], subfiletype=1, metadata=None)
        file.write(picture("YX")[:, :17], metadata=None)


_PLAIN = (
    Field("image description", partial(_tag, 270), "image description"),
    Field("make, model", partial(_tag, 271), "make"),
    Field("artist, copyright, computer", partial(_tag, 315), "artist"),
    Field("date", partial(_tag, 306), "date"),
    Field("software", partial(_tag, 305), "software"),
    Field("tags of Zeiss, FEI, Tescan, TVIPS", partial(_tag, 34118), "Zeiss tags"),
    Field("unknown tags", partial(_tag, 50000), "other tag"),
    Field("colour profile of a grey image", partial(_tag, 34675), "colour profile"),
    Field("greatest value", partial(_tag, 281), "other tag"),
    Field("orientation", partial(_tag, 274), "orientation"),
    Field("white is 0", lambda path: _tag(262, path) == 0 or None, "white is 0"),
    Field("compression, predictor", lambda path: (_tag(259, path), _tag(317, path))),
    Field("tiles", lambda path: (_tag(322, path), _tag(323, path))),
    Field("BigTIFF", lambda path: _of_tiff(lambda file: file.is_bigtiff, path) or None),
)
_TIFFS = (
    Source("TIFF, plain", ".tif", _plain, _PLAIN),
    Source(
        "TIFF, plain",
        ".tif",
        _pages,
        (
            Field(
                "descriptions, names, dates of single pages",
                lambda path: _of_tiff(lambda file: file.pages[1].tags.valueof(270), path),
                "of single pages",
            ),
        ),
    ),
    Source(
        "TIFF, plain",
        ".tif",
        _alpha,
        (Field("alpha", lambda path: _tag(338, path), "alpha"),),
        FLAT,
    ),
    Source(
        "TIFF, plain",
        ".tif",
        _pyramid,
        (
            Field("pyramid", partial(_tag, 330), "pyramid"),
            Field(
                "other images in the file",
                lambda path: _of_tiff(lambda file: len(file.series) > 1, path) or None,
                "other image",
            ),
        ),
        FLAT,
        ":0",
    ),
)


def _imagej(path: Path) -> None:
    options = {"axes": "TZCYX", "unit": "nm", "spacing": 25.0, **test_tiff_imagej.SAID}
    array = np.random.default_rng(0).integers(0, 120, test_tiff_imagej.SHAPE).astype("uint16")
    tifffile.imwrite(path, array, imagej=True, resolution=(0.2, 0.2), metadata=options)


def _said(key: str, path: Path) -> Any:
    with tifffile.TiffFile(path) as file:
        value = (file.imagej_metadata or {}).get(key)
    return value if value is None or key != "LUTs" else np.reshape(value, (-1, 3, 256)).tolist()


_IMAGEJ = (
    Field("labels", partial(_said, "Labels"), "labels", lambda labels: [labels[9], labels[11]]),
    Field("LUTs", partial(_said, "LUTs"), "colours", lambda luts: luts[1:]),
    Field("ranges", partial(_said, "Ranges"), "display range", lambda ranges: ranges[2:]),
    Field("min, max", lambda path: (_said("min", path), _said("max", path)), "display range"),
    Field("Info", partial(_said, "Info"), "info text"),
    Field("overlay", partial(_said, "Overlays"), "overlay"),
    Field("ROI", partial(_said, "ROI"), "overlay"),
    Field("properties", partial(_said, "Properties"), "properties"),
    Field("frame interval", partial(_said, "finterval"), "frame interval"),
    Field("calibration of values", partial(_said, "vunit"), "calibration of values"),
    Field("origin", partial(_said, "xorigin"), "origin", lambda x: x - 10),
    Field("display mode", partial(_said, "mode")),
)


def _ome(path: Path) -> None:
    array = np.random.default_rng(0).integers(0, 120, test_tiff_ome.SHAPE).astype("uint16")
    tifffile.imwrite(path, array, ome=True, metadata=test_tiff_ome.METADATA, photometric="minisblack")
    text = tifffile.tiffcomment(path)
    person = '<Experimenter ID="Experimenter:0" LastName="B."/>'
    text = text.replace("<Image ", f"{person}{test_tiff_ome.INSTRUMENT}<Image ", 1)
    text = text.replace("</OME>", f"{test_tiff_ome.NOTE}{test_tiff_ome.ROI}</OME>")
    text = text.replace("<Channel ", '<Channel EmissionWavelength="520" ')
    tifffile.tiffcomment(path, text.encode())


def _xml(element: str, attribute: str, path: Path) -> Any:
    """What all elements of a name say; their texts if no attribute is named."""
    with tifffile.TiffFile(path) as file:
        root = ElementTree.fromstring(file.ome_metadata)
    found = [each for each in root.iter() if each.tag.endswith(f"}}{element}")]
    return [each.get(attribute) if attribute else each.text for each in found] or None


def _second(values: Any) -> Any:
    return values[1:2]


def _planes(values: Any) -> Any:
    return [values[3], values[5]]


_OME = (
    Field("image name", partial(_xml, "Image", "Name")),
    Field("description", partial(_xml, "Description", ""), "description"),
    Field("acquisition date", partial(_xml, "AcquisitionDate", ""), "acquisition date"),
    Field("channel names", partial(_xml, "Channel", "Name"), "channel names", _second),
    Field("channel colours", partial(_xml, "Channel", "Color"), "channel colours", _second),
    Field("wavelengths", partial(_xml, "Channel", "EmissionWavelength"), "channel settings", _second),
    Field("plane positions", partial(_xml, "Plane", "PositionX"), "times and positions of planes", _planes),
    Field("plane times", partial(_xml, "Plane", "DeltaT"), "times and positions of planes", _planes),
    Field("time increment", partial(_xml, "Pixels", "TimeIncrement"), "time increment"),
    Field("significant bits", partial(_xml, "Pixels", "SignificantBits"), "significant bits"),
    Field("instrument", partial(_xml, "Objective", "NominalMagnification"), "instrument"),
    Field("experimenter and the like", partial(_xml, "Experimenter", "LastName"), "experimenter"),
    Field("annotations", partial(_xml, "Value", ""), "annotations"),
    Field("regions of interest", partial(_xml, "Point", "X"), "regions of interest"),
)

SOURCES = (
    *_TIFFS,
    Source(
        "TIFF, ImageJ",
        ".tif",
        _imagej,
        _IMAGEJ,
        {"T": slice(1, 2), "Z": slice(1, 3), "C": slice(1, 2), "Y": slice(0, 20), "X": slice(10, 25)},
    ),
    Source(
        "TIFF, OME",
        ".ome.tif",
        _ome,
        _OME,
        {"T": slice(1, 3), "C": slice(1, 2), "Y": slice(0, 20), "X": slice(10, 30)},
    ),
)
