"""Pages of a stack that say something of their own, or were never written."""

from __future__ import annotations

import numpy as np
import pytest
import tifffile

from pellucid.errors import InputError
from pellucid.io.registry import open_image
from tests.io.formats.test_tiff_series import PLANES, write
from tests.io.formats.test_tiff_tags import RAMP, copy


def pages(path, *options, **common):
    """A stack whose pages have options of their own."""
    with tifffile.TiffWriter(path) as tif:
        for number, own in enumerate(options):
            plane = np.full((20, 30), number, "uint8")
            tif.write(plane, metadata=None, contiguous=False, **{"photometric": "minisblack", **common, **own})
    return path


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("count", [3, 100])
@pytest.mark.parametrize(
    ("own", "told"),
    [
        ({"extratags": [(51123, 2, 0, b"plane\0", True)]}, "other tags"),
        ({"extratags": [(274, 3, 1, 6, True)]}, "orientations"),
        ({"resolution": (50, 50), "resolutionunit": 3}, "resolutions"),
    ],
)
def test_what_the_last_page_says_of_its_own_is_told_to_be_lost(tmp_path, compression, count, own, told):
    pages(tmp_path / "a.tif", *[{}] * (count - 1), own, compression=compression)
    assert copy(tmp_path / "a.tif", tmp_path / "b.tif") == [f"not kept: {told} of single pages"]
    pages(tmp_path / "c.tif", *[own] * count, compression=compression)
    assert copy(tmp_path / "c.tif", tmp_path / "d.tif") == []
    assert open_image(tmp_path / "d.tif").style.annotations == open_image(tmp_path / "c.tif").style.annotations


def test_pages_with_different_palettes_are_refused(tmp_path):
    up, down = (np.repeat((257 * one).astype(np.uint16)[None], 3, 0) for one in (RAMP, RAMP[::-1]))
    for first, second in ((up, down), (down, up)):
        options = ({"colormap": first}, {"colormap": first}, {"colormap": second})
        with pytest.raises(InputError, match="its pages have different palettes; save each as an image of its own"):
            open_image(pages(tmp_path / "a.tif", *options, photometric="palette"))


def without(path, page, code, segment=None):
    """Write 0 for where the strips of a page are, or how long they are."""
    with tifffile.TiffFile(path, mode="r+b") as tif:
        tag = tif.pages.get(page, aspage=True).tags[code]
        values = list(tag.value)
        values[slice(segment, None if segment is None else segment + 1)] = [0] * (len(values) if segment is None else 1)
        tag.overwrite(values)


@pytest.mark.parametrize(("storage", "code"), [("lzw", 273), ("lzw", 279), ("contiguous", 273)])
@pytest.mark.parametrize("page", [0, 1, 5])
def test_a_page_that_was_never_written_is_refused(tmp_path, storage, code, page):
    write(tmp_path / "a.tif", "plain", False, storage)
    without(tmp_path / "a.tif", page, code)
    with pytest.raises(InputError, match=rf"page {page} holds no pixels: its writing was interrupted"):
        open_image(tmp_path / "a.tif")


def test_parts_of_a_page_that_were_never_written_are_counted(tmp_path, pixels):
    write(tmp_path / "a.tif", "plain", False, "lzw")
    assert open_image(tmp_path / "a.tif").missing_chunks() == (0, 18)
    for code in (273, 279):
        without(tmp_path / "a.tif", 1, code, 2)
    image = open_image(tmp_path / "a.tif")
    assert image.missing_chunks() == (1, 18)
    expected = PLANES.copy()
    expected[1, 16:] = 0
    np.testing.assert_array_equal(pixels(image), expected)
