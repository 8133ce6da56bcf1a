"""Which image of a TIFF is opened, and that no plane of it is lost silently."""

from __future__ import annotations

import logging
import re
import shutil

import numpy as np
import pytest
import tifffile

from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.registry import contents, open_image
from pellucid.io.writing import create_image

PLANES = np.random.default_rng(0).integers(0, 4000, (6, 24, 40)).astype(np.uint16)
KINDS = {
    "plain": {"metadata": None},
    "shaped": {},
    "truncate": {"truncate": True},
    "imagej": {"imagej": True},
    "ome": {"ome": True},
}
STORAGE = {
    "contiguous": {},
    "lzw": {"compression": "lzw", "rowsperstrip": 8},
    "deflate tiles": {"compression": "zlib", "predictor": True, "tile": (16, 16)},
}


def write(path, kind, big, storage, planes=PLANES):
    options = {"bigtiff": big, "photometric": "minisblack", **KINDS[kind], **STORAGE[storage]}
    tifffile.imwrite(path, planes, **options)


def cases():
    for kind in KINDS:
        for big in (False, True):
            for storage in STORAGE:
                if (kind, big) != ("imagej", True) and (kind != "truncate" or storage == "contiguous"):
                    yield kind, big, storage


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("kind", "big", "storage"), list(cases()))
def test_a_stack_that_is_cut_anywhere_is_whole_or_refused(tmp_path, pixels, caplog, capfd, kind, big, storage):
    write(tmp_path / "whole.tif", kind, big, storage)
    data = (tmp_path / "whole.tif").read_bytes()
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "whole.tif")), PLANES)
    path = tmp_path / "cut.tif"
    refused = []
    for length in sorted({*np.linspace(9, len(data) - 1, 30).astype(int), len(data) - 8, len(data) - 4}):
        path.write_bytes(data[:length])
        try:
            read = pixels(open_image(path))
        except InputError as error:
            refused.append(str(error))
        else:
            np.testing.assert_array_equal(read, PLANES, err_msg=f"cut to {length} of {len(data)} bytes")
    assert len(refused) > 20
    assert all("cut.tif" in line and "\n" not in line for line in refused)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("big", [False, True])
def test_a_file_that_is_cut_within_its_description_is_refused(tmp_path, big):
    # tifffile and Bio-Formats write OME-XML behind the pixels, without which the file would be read as a plain stack
    tifffile.imwrite(tmp_path / "a.tif", PLANES, ome=True, bigtiff=big, photometric="minisblack")
    data = (tmp_path / "a.tif").read_bytes()
    start = data.rindex(b"<?xml")
    for length in (start - 1, start, start + 9, len(data) - 1):
        (tmp_path / "a.tif").write_bytes(data[:length])
        with pytest.raises(InputError, match=r"a\.tif: is cut off before the end of its tags; copy or export it again"):
            open_image(tmp_path / "a.tif")


def pages(path, description, **options):
    with tifffile.TiffWriter(path) as tif:
        for number, plane in enumerate(PLANES):
            text = description if number == 0 else None
            tif.write(plane, description=text, photometric="minisblack", metadata=None, contiguous=False, **options)


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
@pytest.mark.parametrize("said", ["images=4\nslices=4", "images=6\nchannels=2\nslices=2"])
def test_a_stack_with_more_planes_than_imagej_s_description_says_is_refused(tmp_path, said, options):
    pages(tmp_path / "a.tif", f"ImageJ=1.53t\n{said}\n", **options)
    with pytest.raises(InputError, match=r"a\.tif: says 4 planes, but holds 6; open it in Fiji and save it again"):
        open_image(tmp_path / "a.tif")


@pytest.mark.parametrize("storage", STORAGE)
def test_pages_that_no_image_of_a_description_has_are_told(tmp_path, pixels, storage):
    write(tmp_path / "a.tif", "ome", False, storage)
    assert open_image(tmp_path / "a.tif").style.lost == ()
    text = tifffile.tiffcomment(tmp_path / "a.tif")
    text = re.sub(r'Size([TCZ])="6"', r'Size\1="4"', text).replace('PlaneCount="6"', 'PlaneCount="4"')
    tifffile.tiffcomment(tmp_path / "a.tif", text.encode())
    image = open_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels(image), PLANES[:4])
    assert image.style.lost == ("2 pages that the description does not name",)


def test_an_image_without_pixels_is_refused_as_empty(tmp_path):
    write(tmp_path / "a.tif", "plain", False, "contiguous")
    with tifffile.TiffFile(tmp_path / "a.tif", mode="r+") as tif:
        for page in tif.pages:
            page.tags["ImageWidth"].overwrite(0)
    with pytest.raises(InputError, match=r"a\.tif: is empty \(shape .*\): give an image with pixels"):
        open_image(tmp_path / "a.tif")


@pytest.mark.parametrize("storage", STORAGE)
def test_a_stack_with_fewer_planes_than_it_says_is_refused_with_both_numbers(tmp_path, storage):
    write(tmp_path / "ome.tif", "ome", False, storage)
    write(tmp_path / "ij.tif", "imagej", False, storage)
    text = tifffile.tiffcomment(tmp_path / "ome.tif").replace('SizeZ="1"', 'SizeZ="2"')
    tifffile.tiffcomment(tmp_path / "ome.tif", text.encode())
    with pytest.raises(InputError, match=r"ome\.tif: is cut off: says 12 planes, holds 6; copy or export it again"):
        open_image(tmp_path / "ome.tif")
    text = tifffile.tiffcomment(tmp_path / "ij.tif").replace("images=6", "images=90")
    tifffile.tiffcomment(tmp_path / "ij.tif", text.replace("slices=6", "slices=90"))
    with pytest.raises(InputError, match=r"ij\.tif: is cut off: says 90 planes, holds"):
        open_image(tmp_path / "ij.tif")


def series(path, *images):
    with tifffile.TiffWriter(path) as tif:
        for array, options in images:
            tif.write(array, metadata=None, **options)


DATA = PLANES[0]
SMALL = DATA[::4, ::4]
RED = np.stack([DATA, DATA // 2, DATA * 0], -1).astype(np.uint8)


@pytest.mark.parametrize(
    ("images", "chosen"),
    [
        ([(RED, {"photometric": "rgb"}), (DATA, {})], 1),
        ([(SMALL, {"subfiletype": 1}), (DATA, {})], 1),
        ([(SMALL, {}), (DATA, {})], 1),
        ([(DATA, {}), (SMALL, {"subfiletype": 1})], 0),
        ([(DATA[:20], {"subfiletype": 1}), (DATA[:22], {})], 1),
        ([(np.vstack([RED, RED]), {"photometric": "rgb"}), (SMALL, {"subfiletype": 1}), (DATA, {})], 2),
    ],
)
def test_the_only_grey_image_in_full_size_is_read(tmp_path, pixels, images, chosen):
    series(tmp_path / "a.tif", *images)
    image = open_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels(image), images[chosen][0])
    others = len(images) - 1
    told = "pyramid" if images[-1][0] is SMALL else f"{others} other image{'s' if others > 1 else ''} in the file"
    assert image.style.annotations[0] == told


def test_an_image_is_chosen_by_its_number(tmp_path, pixels):
    series(tmp_path / "a.tif", (DATA, {"compression": "zlib"}), (DATA.astype(np.uint8), {}), (SMALL[:5], {}))
    path = tmp_path / "a.tif"
    for number, expected in enumerate([DATA, DATA.astype(np.uint8), SMALL[:5]]):
        image = open_image(f"{path}:{number}")
        np.testing.assert_array_equal(pixels(image), expected)
        np.testing.assert_array_equal(image.planes[0][2:4, 3:5], expected[2:4, 3:5])
        assert image.path == f"{path}:{number}"
    with pytest.raises(InputError, match=r"a\.tif: contains 2 images \(.*uint16, .*uint8\); choose .*a\.tif:0"):
        open_image(path)
    with pytest.raises(InputError, match=r"a\.tif: has no image 3; it has 3, counted from 0"):
        open_image(f"{path}:3")
    assert contents(path) == [
        f"{path}:0  YX (24, 40) uint16",
        f"{path}:1  YX (24, 40) uint8",
        f"{path}:2  YX (5, 10) uint16",
    ]
    with pytest.raises(InputError, match=r"b\.tif:1: a TIFF is written with one image; write to .*b\.tif instead"):
        create_image(tmp_path / "b.tif:1", open_image(f"{path}:0"))


def test_of_a_pyramid_the_finest_level_is_read(tmp_path, pixels):
    with tifffile.TiffWriter(tmp_path / "a.tif") as tif:
        tif.write(PLANES, subifds=1, photometric="minisblack")
        tif.write(PLANES[:, ::2, ::2], subfiletype=1, photometric="minisblack")
    image = open_image(tmp_path / "a.tif")
    np.testing.assert_array_equal(pixels(image), PLANES)
    assert image.style.annotations == ("pyramid",)
    with create_image(tmp_path / "b.tif", image) as writer:
        assert writer.notes == ["not kept: pyramid"]
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())


OME = """<?xml version="1.0" encoding="UTF-8"?>
<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{own}">
<Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="40" SizeY="24" SizeZ="6" SizeC="1"
SizeT="1"><Channel ID="Channel:0:0" SamplesPerPixel="1"/>{data}</Pixels></Image></OME>"""
DATUM = '<TiffData FirstZ="{z}" IFD="{ifd}" PlaneCount="1"><UUID FileName="{name}">{uuid}</UUID></TiffData>'


def test_a_set_of_files_is_one_image_and_a_missing_file_is_named(tmp_path, pixels, capfd):
    uuids = [f"urn:uuid:{number}" for number in range(3)]
    data = "".join(DATUM.format(z=z, ifd=z % 2, name=f"{z // 2}.ome.tif", uuid=uuids[z // 2]) for z in range(6))
    for number, uuid in enumerate(uuids):
        part = PLANES[2 * number : 2 * number + 2]
        text = OME.format(own=uuid, data=data).encode()
        tifffile.imwrite(tmp_path / f"{number}.ome.tif", part, description=text, metadata=None, ome=False)
    for number in range(3):
        image = open_image(tmp_path / f"{number}.ome.tif")
        assert image.axes == "ZYX"
        np.testing.assert_array_equal(pixels(image), PLANES)
        np.testing.assert_array_equal(image.planes[5][2:4, 3:5], PLANES[5, 2:4, 3:5])
        assert image.files.paths == {tmp_path / f"{each}.ome.tif" for each in range(3)}
    assert [image.path for image in open_source(tmp_path).images] == [str(tmp_path / "0.ome.tif")]
    shutil.move(tmp_path / "1.ome.tif", tmp_path / "elsewhere.tif")
    with pytest.raises(InputError, match=r"0\.ome\.tif: has planes in 1\.ome\.tif, which is missing; put that file"):
        open_image(tmp_path / "0.ome.tif")
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_the_file_of_a_set_that_is_cut_off_is_named(tmp_path, options):
    data = "".join(DATUM.format(z=z, ifd=0, name=f"{z}.ome.tif", uuid=f"urn:uuid:{z}") for z in range(6))
    for number, plane in enumerate(PLANES):
        text = OME.format(own=f"urn:uuid:{number}", data=data).encode()
        tifffile.imwrite(tmp_path / f"{number}.ome.tif", plane, description=text, metadata=None, ome=False, **options)
    whole = (tmp_path / "4.ome.tif").read_bytes()
    (tmp_path / "4.ome.tif").write_bytes(whole[:-10])
    with pytest.raises(InputError, match=r"0\.ome\.tif: 4\.ome\.tif: is cut off \([\d,]+ of [\d,]+ bytes\); copy"):
        open_image(tmp_path / "0.ome.tif")


def test_a_part_of_a_set_that_is_described_elsewhere_is_refused(tmp_path):
    text = (
        '<OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><BinaryOnly MetadataFile="set.companion.ome" '
        'UUID="urn:uuid:0"/></OME>'
    )
    tifffile.imwrite(tmp_path / "a.ome.tif", DATA, description=text.encode(), metadata=None, ome=False)
    with pytest.raises(InputError, match=r"a\.ome\.tif: is a part of the image that set\.companion\.ome describes"):
        open_image(tmp_path / "a.ome.tif")


def test_samples_are_channels_unless_they_are_declared_as_alpha(tmp_path, pixels):
    two, three = np.stack([DATA, DATA[::-1]], -1), np.stack([DATA, DATA[::-1], DATA], -1)
    grey = {"photometric": "minisblack", "planarconfig": "contig", "metadata": None}
    for name, options in {"raw": {}, "zip": {"compression": "zlib"}}.items():
        tifffile.imwrite(tmp_path / f"{name}2.tif", two, **grey, **options)
        tifffile.imwrite(tmp_path / f"{name}3.tif", three, **grey, **options)
        tifffile.imwrite(tmp_path / f"{name}a.tif", two, **grey, extrasamples=["unassalpha"], **options)
        for count, array in ((2, two), (3, three)):
            image = open_image(tmp_path / f"{name}{count}.tif")
            assert image.axes == "CYX"
            np.testing.assert_array_equal(pixels(image), np.moveaxis(array, -1, 0))
        image = open_image(tmp_path / f"{name}a.tif")
        np.testing.assert_array_equal(pixels(image), DATA)
        assert image.style.annotations == ("alpha",)
    tifffile.imwrite(
        tmp_path / "planar.tif", PLANES[:2], photometric="minisblack", planarconfig="separate", metadata=None
    )
    assert open_image(tmp_path / "planar.tif").axes == "CYX"


@pytest.mark.parametrize("extra", [["unspecified"], []])
def test_a_fourth_sample_that_is_not_declared_as_alpha_is_refused(tmp_path, extra):
    array = np.stack([DATA.astype(np.uint8)] * 3 + [DATA.astype(np.uint8)[::-1]], -1)
    photometric = "rgb" if extra else "separated"
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric, extrasamples=extra or None, metadata=None)
    with pytest.raises(
        InputError, match=r"a\.tif: (has 4 values a pixel, of which 0 are|is a colour image \(SEPARATED\))"
    ):
        open_image(tmp_path / "a.tif")


@pytest.mark.parametrize(("bits", "dtype"), [(4, "uint8"), (12, "uint16"), (10, "uint16")])
def test_packed_bits_are_unpacked(tmp_path, pixels, bits, dtype):
    array = (DATA % 2**bits).astype(dtype)
    tifffile.imwrite(tmp_path / "a.tif", array, bitspersample=bits, metadata=None)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.tif")), array)


def test_one_bit_and_unusual_depths_are_refused(tmp_path):
    tifffile.imwrite(tmp_path / "mask.tif", DATA > 2000, metadata=None)
    with pytest.raises(InputError, match=r"mask\.tif: has bool pixels, .* convert it to uint8"):
        open_image(tmp_path / "mask.tif")
    tifffile.imwrite(tmp_path / "odd.tif", DATA, metadata=None)
    with tifffile.TiffFile(tmp_path / "odd.tif", mode="r+") as tif:
        tif.pages[0].tags["BitsPerSample"].overwrite(48)
    with pytest.raises(InputError, match=r"odd\.tif: has 48-bit pixels, which are not read"):
        open_image(tmp_path / "odd.tif")


def test_signed_pixels_are_signed(tmp_path, pixels):
    array = DATA.astype(np.int16) - 2000
    tifffile.imwrite(tmp_path / "a.tif", array, metadata=None)
    np.testing.assert_array_equal(pixels(open_image(tmp_path / "a.tif")), array)


def test_a_large_contiguous_stack_opens_without_reading_its_pages(tmp_path, monkeypatch):
    tifffile.imwrite(tmp_path / "a.tif", DATA, imagej=True, byteorder=">")
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        start = tif.pages[0].dataoffsets[0]
    count = 3_000_000  # 5.8 GB, of which nothing is on disk
    tifffile.tiffcomment(tmp_path / "a.tif", f"ImageJ=1.53t\nimages={count}\nslices={count}\n")
    with (tmp_path / "a.tif").open("r+b") as file:
        file.truncate(start + count * DATA.nbytes)
    made = []
    original = tifffile.TiffFrame.__init__
    monkeypatch.setattr(tifffile.TiffFrame, "__init__", lambda *a, **o: (made.append(a), original(*a, **o))[1])
    image = open_image(tmp_path / "a.tif")
    assert image.shape == (count, *DATA.shape)
    np.testing.assert_array_equal(image.planes[0].read(), DATA)
    assert not image.planes[count - 1].read().any()
    assert len(made) < 10
    with (tmp_path / "a.tif").open("r+b") as file:
        file.truncate(start + (count - 1) * DATA.nbytes)
    with pytest.raises(InputError, match="is cut off: says 3000000 planes, holds"):
        open_image(tmp_path / "a.tif")


def test_what_tifffile_logs_stays_off_the_screen(tmp_path, capfd):
    write(tmp_path / "a.tif", "plain", False, "contiguous")
    (tmp_path / "a.tif").write_bytes((tmp_path / "a.tif").read_bytes()[:-200])
    handlers = logging.getLogger().handlers[:]
    logging.getLogger().handlers.clear()  # pytest's own
    try:
        with pytest.raises(InputError, match=r"a\.tif: (is cut off|cannot be read)"):
            open_image(tmp_path / "a.tif")
    finally:
        logging.getLogger().handlers.extend(handlers)
    assert capfd.readouterr() == ("", "")
