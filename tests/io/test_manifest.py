from __future__ import annotations

import os
from math import prod
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.io.layout import Layout
from pellucid.io.manifest import ChangedError, ChunkFiles, Manifest, WholeFiles
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array


def name(index):
    return "/".join(map(str, index))


def index(file):
    parts = file.split("/")
    return tuple(map(int, parts)) if all(map(str.isdecimal, parts)) and len(parts) == 3 else None


def files(folder, shape, sides, stored="ZYX"):
    return ChunkFiles(folder, Layout(stored), shape, sides, name, index)


def write(folder, *indices):
    for each in indices:
        path = folder / name(each)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"chunk")


def later(path):
    os.utime(path, ns=(0, path.stat().st_mtime_ns + 10**9))


@given(st.data())
def test_a_part_is_read_from_the_chunks_that_it_meets_and_from_no_other(data):
    stored = "".join(data.draw(st.permutations("ZYX")))
    shape = tuple(data.draw(st.integers(1, 9)) for _ in "ZYX")
    sides = tuple(data.draw(st.integers(1, 4)) for _ in "ZYX")
    start = [data.draw(st.integers(0, size - 1)) for size in shape]
    region = tuple(slice(a, data.draw(st.integers(a + 1, size))) for a, size in zip(start, shape, strict=True))
    axes = Layout(stored).axes
    given = tuple(dict(zip(stored, region, strict=True))[axis] for axis in axes)
    numbers = np.ravel_multi_index(
        np.indices(shape) // np.reshape(sides, (3, 1, 1, 1)),
        [-(-size // side) for size, side in zip(shape, sides, strict=True)],
    )
    chunks = files(Path(), shape, sides, stored)
    assert sorted(map(chunks._number, chunks._touched(given))) == sorted(set(numbers[region].ravel().tolist()))


def test_what_is_there_is_found_and_everything_else_is_none_of_it(tmp_path):
    write(tmp_path, (0, 0, 1), (1, 1, 0))
    (tmp_path / "zarr.json").write_text("{}")
    (tmp_path / "0/0/0").write_bytes(b"")
    (tmp_path / "0/0/7").write_bytes(b"beyond the end")
    found = files(tmp_path, (4, 40, 40), (2, 20, 20)).manifest()
    assert (found.files, found.size, found.chunks, found.missing) == (2, 10, 8, 6)
    assert [found.has(number) for number in range(8)] == [number in (1, 6) for number in range(8)]
    assert found == files(tmp_path, (4, 40, 40), (2, 20, 20)).manifest()
    later(tmp_path / "1/1/0")
    assert found != files(tmp_path, (4, 40, 40), (2, 20, 20)).manifest()


BOX = (slice(0, 2), slice(0, 40), slice(0, 20))
"""Chunks (0, 0, 0) and (0, 1, 0)."""


def remove(path):
    path.unlink()


def empty(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(("deed", "said"), [(remove, "vanished"), (empty, "vanished"), (later, "changed")])
def test_a_part_is_refused_by_what_happens_to_its_own_chunks(deed, said, tmp_path):
    write(tmp_path, (0, 0, 0), (0, 1, 1))
    chunks = files(tmp_path, (4, 40, 40), (2, 20, 20))
    known = chunks.manifest()
    deed(tmp_path / "0/1/1")
    chunks.refuse_changed(known, BOX)
    with pytest.raises(ChangedError, match=f"0/1/1: has {said}"):
        chunks.refuse_changed(known, (slice(0, 2), slice(0, 40), slice(0, 40)))
    deed(tmp_path / "0/0/0")
    with pytest.raises(ChangedError, match=f"0/0/0: has {said}"):
        chunks.refuse_changed(known, BOX)


def test_a_chunk_that_comes_to_be_is_a_change(tmp_path):
    write(tmp_path, (0, 0, 0))
    chunks = files(tmp_path, (4, 40, 40), (2, 20, 20))
    known = chunks.manifest()
    write(tmp_path, (0, 1, 0))
    with pytest.raises(ChangedError, match="0/1/0: has changed"):
        chunks.refuse_changed(known, BOX)
    assert chunks.changes(known) == [(slice(0, 2), slice(20, 40), slice(0, 20))]


def test_changes_are_parts_of_the_image_and_what_is_gone_is_an_error(tmp_path):
    write(tmp_path, (0, 0, 0), (1, 0, 1), (1, 1, 1))
    chunks = files(tmp_path, (40, 4, 40), (20, 2, 20), "YZX")
    known = chunks.manifest()
    assert chunks.changes(known) == []
    later(tmp_path / "1/0/1")
    assert chunks.changes(known) == [(slice(0, 2), slice(20, 40), slice(20, 40))]
    (tmp_path / "0/0/0").unlink()
    (tmp_path / "1/1/1").unlink()
    with pytest.raises(ChangedError, match="0/0/0 and 1 other chunks have vanished"):
        chunks.changes(known)


def test_a_folder_that_is_gone_is_no_image_without_chunks(tmp_path):
    with pytest.raises(ChangedError, match="vanished"):
        files(tmp_path / "gone", (4, 40, 40), (2, 20, 20)).manifest()


def test_reading_looks_at_the_chunks_of_a_part_alone(tmp_path, monkeypatch):
    """Once before it and once after: a volume of millions costs nothing more."""
    write(tmp_path, (0, 0, 0))
    shape, sides = (10**5, 10**5, 10**5), (100, 1000, 1000)
    looked, stat = [], os.stat
    monkeypatch.setattr(os, "stat", lambda path: looked.append(path) or stat(path))
    chunks = files(tmp_path, shape, sides)
    total = prod(size // side for size, side in zip(shape, sides, strict=True))
    chunks.refuse_changed(Manifest(1, 5, 2**62, total, b"\x01" * -(-total // 8)), (slice(0, 1),) * 3)
    assert len(looked) == 1


def test_a_file_is_the_same_by_size_and_time(tmp_path):
    path = tmp_path / "a.npy"
    path.write_bytes(b"pixels")
    whole = WholeFiles("a.npy", (4, 5), lambda: [path])
    known = whole.manifest()
    whole.refuse_changed(known, ())
    later(path)
    assert whole.changes(known) == [(slice(0, 4), slice(0, 5))]
    with pytest.raises(ChangedError, match=r"a\.npy: has changed"):
        whole.refuse_changed(known, ())
    path.unlink()
    with pytest.raises(ChangedError, match=r"a\.npy: has vanished"):
        whole.manifest()


def test_an_image_that_is_held_to_its_files_is_copied_not_mapped(tmp_path, picture):
    write_array(tmp_path / "a.npy", picture((20, 30)))
    image = open_image(tmp_path / "a.npy")
    assert isinstance(image.read_block((), slice(0, 5), slice(0, 5)), np.memmap)
    image.known = image.manifest()
    block = image.read_block((), slice(0, 5), slice(0, 5))
    assert not np.shares_memory(block, image.planes[0].read())
    assert block.flags.owndata
    later(tmp_path / "a.npy")
    for read in (image.planes[0].read, lambda: image.read_block((), slice(0, 5), slice(0, 5))):
        with pytest.raises(ChangedError):
            read()
