from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from pellucid.io.memmap import release_map
from pellucid.io.output_spec import OutputSpec
from pellucid.io.registry import open_image, writable_format

SHAPE = (32, 1024, 1024)
PART = 4
MIB = 1 << 20


def resident():
    """Memory of this process in bytes, pages of mapped files included."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("extension", [".npy", ".mrc", ".tif"])
def test_memory_stays_flat_while_a_file_is_written_and_read_block_by_block(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    spec = OutputSpec(str(path), "ZYX", SHAPE, np.dtype("uint16"))
    block = np.full((PART, *SHAPE[1:]), 7, np.uint16)
    starts = range(0, SHAPE[0], PART)
    writer = writable_format(path, spec).load().create(path, spec)
    before = resident()
    for start in starts:
        writer.array[start : start + PART] = block
        writer.release()
        assert resident() - before < 2 * block.nbytes
    writer.finish()
    del writer

    image = open_image(path)
    before = resident()
    for start in starts:
        found = image.read_block((slice(start, start + PART),), slice(0, 1024), slice(0, 1024))
        assert found.min() == found.max() == 7
        image.release()
        assert resident() - before < 2 * block.nbytes
    for start in starts:  # the same without letting go, so that the measurement is known to measure
        image.read_block((slice(start, start + PART),), slice(0, 1024), slice(0, 1024)).max()
    assert resident() - before > spec.bytes - 2 * block.nbytes


def test_what_was_changed_is_in_the_file_and_still_in_the_map(tmp_path):
    path = tmp_path / "a.raw"
    path.write_bytes(bytes(MIB))
    array = np.memmap(path, np.uint8, "r+")
    array[1000:2000] = 9
    release_map(array[10:])
    assert path.read_bytes()[1000:2000] == bytes([9]) * 1000
    assert array[1000:2000].min() == 9


def test_other_arrays_are_left_alone():
    array = np.arange(5)
    release_map(array)
    np.testing.assert_array_equal(array, np.arange(5))


@pytest.mark.slow
@pytest.mark.parametrize("extension", [".npy", ".mrc", ".tif"])
def test_files_beyond_four_gigabytes_are_written_and_read(tmp_path, extension, monkeypatch):
    path = tmp_path / f"a{extension}"
    spec = OutputSpec(str(path), "ZYX", (5, 24000, 24000), np.dtype("uint16"))
    module = writable_format(path, spec).load()
    monkeypatch.setattr(module, "reserve", lambda *_: None)  # a file with holes, so that it takes no room on the disk
    writer = module.create(path, spec)
    corner = (slice(4, 5), slice(23990, 24000), slice(23980, 24000))
    writer.array[corner] = 9
    writer.abort()
    writer = module.reopen(path, spec)
    writer.array[0, :10, :20] = 7
    writer.finish()
    assert path.stat().st_size > 5 << 30
    assert path.stat().st_blocks * 512 < 64 * MIB
    image = open_image(path)
    assert image.shape == spec.shape
    np.testing.assert_array_equal(image.read_block(corner[:1], *corner[1:]), np.full((1, 10, 20), 9))
    np.testing.assert_array_equal(image.planes[0][:10, :20], np.full((10, 20), 7))
    image.release()
