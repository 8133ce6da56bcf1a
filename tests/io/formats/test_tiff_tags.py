"""Tags of plain files: what a maker, a camera or a user wrote stays in the file."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageOps

from pellucid.errors import InputError
from pellucid.io.formats import tiff
from pellucid.io.formats.grey_palette import shown_values
from pellucid.io.formats.tiff_tags import TiffStyle
from pellucid.io.output_spec import OutputSpec
from pellucid.io.registry import open_image
from pellucid.io.writing import create_image

RAMP = np.arange(256)


def copy(source, target, **options):
    image = open_image(source)
    spec = OutputSpec(
        **{"path": str(target), "axes": image.axes, "shape": image.shape, "dtype": image.dtype, "style": image.style}
        | {"pixel_size": image.pixel_size}
        | options
    )
    writer = tiff.create(target, spec)
    writer.array[:] = np.stack([plane.read() for plane in image.planes]).reshape(image.shape)
    writer.finish()
    return writer.notes


@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_texts_and_private_tags_are_kept(tmp_path, picture, byteorder):
    numbers = np.array([1, 70000, 3], f"{byteorder}u4").tobytes()
    tags = [
        (271, 2, 0, b"Hitachi\0", True),
        (272, 2, 0, b"S-4800\0", True),
        (285, 2, 0, b"page 7\0", True),
        (315, 2, 0, "Müller".encode() + b"\0", True),
        (50000, 4, 3, numbers, True),
        (50001, 5, 1, (7, 3), True),
        (50002, 12, 2, (0.5, -3.0), True),
        (50003, 7, 5, b"\0\1\2\3\4", True),
    ]
    text = "Instrument=S-4800\nWD=5.1 µm".encode("cp1252")
    options = {"description": text, "software": "SEM 1.0", "datetime": "2024:05:01 10:11:12", "extratags": tags}
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30), "uint16"), byteorder=byteorder, metadata=None, **options)
    notes = copy(tmp_path / "a.tif", tmp_path / "b.tif", history="denoised with Pellucid")
    assert notes == []
    with tifffile.TiffFile(tmp_path / "b.tif") as made, tifffile.TiffFile(tmp_path / "a.tif") as source:
        old, new = source.pages[0].tags, made.pages[0].tags
        for code in (270, 271, 272, 285, 306, 315, 50000, 50001, 50002, 50003):
            assert (new[code].value, new[code].dtype) == (old[code].value, old[code].dtype)
        assert new.valueof(50000) == (1, 70000, 3)
        assert new.valueof(305) == "SEM 1.0; denoised with Pellucid"
        assert len(new.getall(270)) == 1
    image = open_image(tmp_path / "a.tif")
    assert image.style.annotations == (
        "image description", "software", "make", "model", "page name", "date", "artist", "4 other tags"
    )  # fmt: skip
    with create_image(tmp_path / "b.png", image) as writer:
        writer.write(0, image.planes[0].read())
    assert writer.notes == [f"not kept by PNG: {', '.join(image.style.annotations)}"]


def test_a_description_is_kept_beside_the_axes_that_a_stack_needs(tmp_path, picture):
    array = picture((2, 3, 20, 30))
    metadata = {"axes": "TZYX", "exposure": 2}
    tifffile.imwrite(tmp_path / "a.tif", array, metadata=metadata, description="by hand", photometric="minisblack")
    assert copy(tmp_path / "a.tif", tmp_path / "b.tif") == []
    with tifffile.TiffFile(tmp_path / "b.tif") as made:
        assert made.pages[0].description == "by hand"
        assert made.shaped_metadata[0]["exposure"] == 2
        assert made.series[0].axes == "TZYX"
    assert open_image(tmp_path / "b.tif").style == open_image(tmp_path / "a.tif").style


def test_texts_of_single_pages_are_told_to_be_lost(tmp_path, picture):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        for number in range(3):
            tif.write(
                picture((20, 30)), metadata=None, description=f"tilt {number}", datetime=f"2024:05:01 10:11:1{number}"
            )
    notes = copy(tmp_path / "a.tif", tmp_path / "b.tif")
    assert notes == ["not kept: descriptions of single pages, dates of single pages"]


def test_what_tifffile_wrote_of_an_image_is_kept_and_told_to_other_formats(tmp_path, picture):
    said = {"axes": "YX", "exposure": 2, "operator": "A"}
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), metadata=said)
    assert open_image(tmp_path / "a.tif").style.annotations == ("metadata: exposure, operator",)
    assert copy(tmp_path / "a.tif", tmp_path / "b.tif") == []
    with tifffile.TiffFile(tmp_path / "b.tif") as made:
        assert made.shaped_metadata == ({"shape": [20, 30], **said},)


@pytest.mark.parametrize("kind", ["plain", "imagej", "ome"])
def test_the_history_is_in_a_new_file(tmp_path, kind):
    spec = OutputSpec("a.tif", "ZYX", (2, 20, 30), np.dtype("uint8"), style=TiffStyle(kind), history="denoised")
    tiff.create(tmp_path / "a.tif", spec).finish()
    with tifffile.TiffFile(tmp_path / "a.tif") as made:
        told = {
            "plain": lambda: made.pages[0].software,
            "imagej": lambda: made.imagej_metadata["Info"].rstrip(),
            "ome": lambda: tifffile.xml2dict(made.ome_metadata)["OME"]["Image"]["Description"],
        }
        assert told[kind]() == "denoised"


def test_a_new_file_says_nothing_of_itself(tmp_path, picture):
    spec = OutputSpec("a.tif", "YX", (20, 30), np.dtype("uint8"), style=TiffStyle("plain"))
    tiff.create(tmp_path / "a.tif", spec).finish()
    assert open_image(tmp_path / "a.tif").style.annotations == ()


@pytest.mark.parametrize(("software", "told"), [("tifffile.py", ()), ("SEM 1.0", ("software",))])
def test_software_is_told_unless_it_is_only_the_library(tmp_path, picture, software, told):
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), software=software, metadata=None)
    assert open_image(tmp_path / "a.tif").style.annotations == told


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_the_copy_is_shown_the_same_way_up(tmp_path, picture, orientation, compression):
    tags = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), metadata=None, extratags=tags, compression=compression)
    assert copy(tmp_path / "a.tif", tmp_path / "b.tif") == []
    with Pillow.open(tmp_path / "a.tif") as before, Pillow.open(tmp_path / "b.tif") as after:
        shown = [np.asarray(ImageOps.exif_transpose(one)) for one in (before, after)]
    np.testing.assert_array_equal(*shown)
    told = open_image(tmp_path / "a.tif").style.annotations
    turned = {3: "turned", 5: "turned and mirrored", 6: "turned", 7: "turned and mirrored", 8: "turned"}
    seen = f"orientation (shown {turned.get(orientation, 'mirrored')} there)"
    assert told == (() if orientation == 1 else (seen,))


def test_white_is_zero_is_told_to_other_formats(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), photometric="miniswhite", metadata=None)
    assert open_image(tmp_path / "a.tif").style.annotations == ("white is 0 (shown inverted there)",)


GREYS = {"identity": RAMP, "inverted": RAMP[::-1], "gamma": (255 * (RAMP / 255) ** 0.5).astype(int)}


@pytest.mark.parametrize("greys", GREYS)
@pytest.mark.parametrize("step", [1, 256, 257])
@pytest.mark.parametrize("compression", [None, "zlib"])
def test_grey_palettes_are_read_as_they_are_shown(tmp_path, pixels, greys, step, compression):
    array = np.random.default_rng(0).integers(0, 256, (3, 20, 30), "uint8")
    palette = np.repeat((GREYS[greys] * step).astype(np.uint16)[None], 3, 0)
    options = {"photometric": "palette", "colormap": palette, "compression": compression, "metadata": None}
    tifffile.imwrite(tmp_path / "a.tif", array, **options)
    image = open_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels(image), GREYS[greys][array])
    np.testing.assert_array_equal(image.planes[1][3:5, 6:9], GREYS[greys][array[1, 3:5, 6:9]])
    block = image.read_block((slice(0, 2),), slice(3, 5), slice(6, 9))
    np.testing.assert_array_equal(block, GREYS[greys][array[:2, 3:5, 6:9]])
    assert image.dtype == "uint8"
    image.release()
    image.close()
    copy(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as made:
        assert made.pages[0].photometric.name == "MINISBLACK"
        np.testing.assert_array_equal(made.asarray(), GREYS[greys][array])


def test_fine_greys_keep_their_16_bits():
    fine = np.repeat((np.arange(256) * 200 + 3).astype(np.uint16)[:, None], 3, 1)
    np.testing.assert_array_equal(shown_values(fine), fine[:, 0])


def test_a_coloured_palette_is_refused(tmp_path):
    array = np.random.default_rng(0).integers(0, 256, (20, 30), "uint8")
    palette = np.random.default_rng(1).integers(0, 65536, (3, 256)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="palette", colormap=palette, metadata=None)
    with pytest.raises(InputError, match=r"a\.tif(\[.*\])?: is a colour image"):
        open_image(tmp_path / "a.tif")


def test_colours_of_a_palette_that_no_pixel_has_do_not_matter(tmp_path, pixels):
    array = np.random.default_rng(0).integers(0, 250, (20, 30), "uint8")
    palette = np.repeat((RAMP[::-1] * 257).astype(np.uint16)[None], 3, 0)
    palette[:, 250:] = np.random.default_rng(1).integers(0, 65536, (3, 6))
    tifffile.imwrite(tmp_path / "a.tif", array, photometric="palette", colormap=palette, metadata=None)
    shown = pixels(open_image(tmp_path / "a.tif"))
    np.testing.assert_array_equal(shown, (255 - array.astype(int)) * (257 if shown.dtype == np.uint16 else 1))


def test_a_colour_profile_stays_with_grey_pixels_only(tmp_path, picture):
    grey = picture((20, 30))
    tifffile.imwrite(tmp_path / "grey.tif", grey, iccprofile=b"grey profile", metadata=None)
    tifffile.imwrite(
        tmp_path / "rgb.tif", np.stack([grey] * 3, -1), photometric="rgb", iccprofile=b"rgb", metadata=None
    )
    assert copy(tmp_path / "grey.tif", tmp_path / "b.tif") == []
    with tifffile.TiffFile(tmp_path / "b.tif") as made:
        assert made.pages[0].iccprofile == b"grey profile"
    assert copy(tmp_path / "rgb.tif", tmp_path / "c.tif") == ["not kept: colour profile"]


def test_numbers_of_a_range_stay_only_with_the_pixel_type(tmp_path, picture):
    tags = [(280, 3, 1, 3, True), (281, 3, 1, 119, True)]
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30)), metadata=None, extratags=tags)
    copy(tmp_path / "a.tif", tmp_path / "b.tif")
    copy(tmp_path / "a.tif", tmp_path / "c.tif", dtype=np.dtype("float32"))
    for name, kept in {"b.tif": True, "c.tif": False}.items():
        with tifffile.TiffFile(tmp_path / name) as made:
            assert (281 in made.pages[0].tags) is kept


@pytest.mark.filterwarnings("error")
@settings(max_examples=60)
@given(data=st.data())
@pytest.mark.parametrize("kind", ["plain", "imagej", "ome"])
def test_a_damaged_file_is_read_or_refused_in_one_line(tmp_path_factory, kind, data):
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"damaged-{kind}.tif"
    options = {"plain": {"description": "x" * 20, "metadata": None}, "imagej": {"imagej": True}, "ome": {"ome": True}}
    tifffile.imwrite(path, np.zeros((2, 8, 16), "uint8"), photometric="minisblack", **options[kind])
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(4, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content)
    try:
        assert open_image(path).planes[0].read().ndim == 2
    except InputError as error:
        refused = str(error)
    else:
        refused = ""
    assert "\n" not in refused


def test_how_lerc_stored_pixels_is_not_told_of_a_result_that_is_stored_otherwise(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", picture((20, 30), "float32"), compression="lerc", metadata=None)
    assert open_image(tmp_path / "a.tif").style.annotations == ()
    copy(tmp_path / "a.tif", tmp_path / "b.tif")
    with tifffile.TiffFile(tmp_path / "b.tif") as tif:
        assert 50674 not in tif.pages.first.tags
