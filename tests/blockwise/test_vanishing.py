"""Files that disappear or change during a job, or before it is resumed, never lead to wrong pixels unnoticed."""

from __future__ import annotations

import functools
import os
import shutil

import numpy as np
import pytest
import tensorstore
import zarr

from pellucid.blockwise import serial
from pellucid.blockwise.worker import BlockWorker
from pellucid.errors import InputError, RunError
from pellucid.io import pyramid
from pellucid.io.writing import write_array

from . import made

SHAPE = (4, 96, 128)
CHUNK = (1, 64, 64)
OPTIONS = {"memory": made.LITTLE, "statistics": "trained"}
CHUNKED = ["v2.zarr", "v3.zarr", "shards.zarr", "a.n5", "layer"]
WHOLE = ["a.npy", "a.tif", "zlib.tif", "a.mrc", "a.h5"]


@pytest.fixture(autouse=True)
def _steady(monkeypatch, one_thread):
    """No pauses between tries; and of the chunks of a plane, only the upper ones tell images apart."""
    monkeypatch.setattr(serial, "_PAUSE", 0.0)
    monkeypatch.setattr("pellucid.data.source._SAMPLED_SIDE", 16)


def make(path, array):
    """An image in chunks, or a file."""
    if path.suffix == ".zarr":
        shards = (1, 64, 128) if path.stem == "shards" else None
        version = 2 if path.stem == "v2" else 3
        zarr.create_array(path, data=array, chunks=CHUNK, shards=shards, zarr_format=version, fill_value=0)
        return
    if path.suffix == ".n5":
        metadata = {"dimensions": SHAPE[::-1], "blockSize": CHUNK[::-1], "dataType": "uint8"}
        spec = {"driver": "n5", "metadata": {**metadata, "compression": {"type": "raw"}}}
    elif path.name == "layer":
        volume = {"type": "image", "data_type": "uint8", "num_channels": 1}
        scale = {"size": SHAPE[::-1], "resolution": [4, 4, 40], "chunk_size": CHUNK[::-1], "encoding": "raw"}
        scale["voxel_offset"] = [7, 5, 3]
        spec = {"driver": "neuroglancer_precomputed", "multiscale_metadata": volume, "scale_metadata": scale}
    elif path.name == "zlib.tif":
        import tifffile

        tifffile.imwrite(path, array, compression="zlib", photometric="minisblack", metadata={"axes": "ZYX"})
        return
    else:
        write_array(path, array.astype(np.uint16) if path.suffix == ".mrc" else array, axes="ZYX")
        return
    kvstore = {"driver": "file", "path": str(path)}
    store = tensorstore.open({**spec, "kvstore": kvstore}, create=True).result()
    store[...] = array.T if path.suffix == ".n5" else array.T[..., None]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """The result, by the name of the image, of a run in which nothing happens."""

    @functools.cache
    def result(name):
        folder = tmp_path_factory.mktemp("undisturbed")
        make(folder / name, made.stack(SHAPE))
        made.run(folder / name, folder / "out" / name, **OPTIONS)
        return folder / "out" / name

    return result


def chunks(path):
    """Its chunks, in the order of their names."""
    told = {"zarr.json", ".zarray", ".zattrs", "attributes.json", "info"}
    return sorted(file for file in path.rglob("*") if file.is_file() and file.name not in told)


def meanwhile(monkeypatch, deed, after=3):
    """Let something happen once so many blocks are denoised."""
    denoise, done = BlockWorker._denoise, []

    def denoise_and_do(self, task, data):
        found = denoise(self, task, data)
        done.append(task)
        if len(done) == after:
            deed()
        return found

    monkeypatch.setattr(BlockWorker, "_denoise", denoise_and_do)
    return done


def output_of(path):
    """Where its result goes."""
    return path.with_name("out") / (path.name if path.suffix not in ("", ".n5") else "a.zarr")


def make_later(path):
    """As if it was written a second later: clocks of files are coarse."""
    found = path.stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + 10**9))


def delete_all(path):
    for chunk in chunks(path):
        chunk.unlink()


def delete_last(path):
    chunks(path)[-1].unlink()


def empty_last(path):
    chunks(path)[-1].write_bytes(b"")


def rewrite_last(path):
    last = chunks(path)[-1]
    last.write_bytes(chunks(path)[0].read_bytes())
    make_later(last)


DEEDS = [delete_last, rewrite_last, delete_all, empty_last, shutil.rmtree]


@pytest.mark.parametrize(
    ("name", "deed"), [(name, deed) for name in CHUNKED for deed in (DEEDS if name == "v3.zarr" else DEEDS[:2])]
)
def test_a_volume_whose_chunks_vanish_or_change_ends_the_job(name, deed, tmp_path, monkeypatch):
    path = tmp_path / name
    make(path, made.stack(SHAPE))
    output = output_of(path)
    done = meanwhile(monkeypatch, lambda: deed(path))
    with pytest.raises(RunError, match=r"(vanished|changed) while") as told:
        made.run(path, output, **OPTIONS)
    assert "\n" not in str(told.value)
    assert name in str(told.value)
    assert not output.exists()
    assert len(done) < 16  # an image of which a part is gone is given up


@pytest.mark.parametrize("name", CHUNKED)
def test_a_chunk_that_is_missing_by_design_is_told_at_the_beginning_and_in_the_end(name, tmp_path, capsys):
    path = tmp_path / name
    make(path, made.stack(SHAPE))
    chunks(path)[0].unlink()
    every = len(chunks(path)) + 1
    (written,) = made.run(path, output_of(path), **OPTIONS)
    assert written.chunks == (1, every)
    assert f"1 of {every} chunks are missing: they read as the fill value" in " ".join(capsys.readouterr().err.split())


def cut_off(path):
    os.truncate(path, path.stat().st_size // 2)


def replace(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    make_later(other)
    other.replace(path)


def remove(path):
    path.unlink()


@pytest.mark.parametrize("name", WHOLE)
@pytest.mark.parametrize("deed", [cut_off, replace, remove])
def test_a_file_that_vanishes_or_changes_ends_the_job(name, deed, tmp_path, monkeypatch):
    path = tmp_path / name
    make(path, made.stack(SHAPE))
    meanwhile(monkeypatch, lambda: deed(path), after=2)
    monkeypatch.setattr("pellucid.blockwise.plan.LARGEST_BLOCK", 2000)
    with pytest.raises(RunError, match=r"(vanished|changed) while") as told:
        made.run(path, output_of(path), **{**OPTIONS, "memory": 40_000})
    assert name in str(told.value)
    assert not output_of(path).exists()


def test_the_other_images_of_a_folder_are_done(tmp_path, monkeypatch):
    for number, section in enumerate(made.stack((4, 64, 64))):
        write_array(tmp_path / "in" / f"{number}.png", section)
    meanwhile(monkeypatch, (tmp_path / "in" / "2.png").unlink, after=1)
    with pytest.raises(RunError, match=r"block 0 of image 2: .*2\.png: has vanished .* skipped; all others are"):
        made.run(tmp_path / "in", tmp_path / "out", **OPTIONS)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0.png", "1.png", "3.png"]


def test_an_input_that_vanishes_while_it_is_measured_ends_the_job(tmp_path, monkeypatch):
    path = tmp_path / "v3.zarr"
    make(path, made.stack(SHAPE))
    compute = BlockWorker.compute

    def delete_and_compute(self, task, data):
        if task == ("statistics", 0, 0, 2):
            chunks(path)[-1].unlink()
        return compute(self, task, data)

    monkeypatch.setattr(BlockWorker, "compute", delete_and_compute)
    with pytest.raises(RunError, match="vanished while"):
        made.run(path, output_of(path), made.LITTLE, statistics="exact")


def stopped(monkeypatch, path, after=3):
    """Begin a run, and stop it after some blocks."""

    def stop():
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        meanwhile(patch, stop, after)
        with pytest.raises(KeyboardInterrupt):
            made.run(path, output_of(path), **OPTIONS)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (delete_last, "and 0 other chunks have vanished: restore them"),
        (lambda path: make_later(chunks(path)[0]), r"changed since the run began, .* --overwrite"),
    ],
)
def test_a_volume_that_vanished_or_changed_is_not_gone_on_with(change, said, tmp_path, monkeypatch):
    path = tmp_path / "v3.zarr"
    make(path, made.stack(SHAPE))
    stopped(monkeypatch, path)
    change(path)
    with pytest.raises(InputError, match=said):
        made.run(path, output_of(path), **OPTIONS)
    assert output_of(path).with_name("v3.zarr.unfinished").exists()
    made.run(path, output_of(path), overwrite=True, **OPTIONS)


def test_a_chunk_that_no_block_has_seen_may_be_repaired(tmp_path, monkeypatch, undisturbed):
    path = tmp_path / "v3.zarr"
    make(path, made.stack(SHAPE))
    stopped(monkeypatch, path)
    make_later(chunks(path)[-1])
    made.run(path, output_of(path), **OPTIONS)
    assert made.snapshot(output_of(path)) == made.snapshot(undisturbed("v3.zarr"))


def test_a_file_that_changed_is_not_gone_on_with(tmp_path, monkeypatch):
    path = tmp_path / "a.npy"
    make(path, made.stack(SHAPE))
    monkeypatch.setattr("pellucid.blockwise.plan.LARGEST_BLOCK", 2000)
    stopped(monkeypatch, path)
    make_later(path)
    with pytest.raises(InputError, match=r"a\.npy: changed since the run began"):
        made.run(path, output_of(path), **OPTIONS)


# results


@pytest.mark.parametrize("name", ["v3.zarr", "a.npy", "zlib.tif"])
@pytest.mark.parametrize("what", ["folder", "parent", "files", "ledger.sqlite"])
def test_a_job_whose_folder_is_removed_writes_nothing_under_the_final_name(
    name, what, tmp_path, monkeypatch, undisturbed
):
    path = tmp_path / name
    make(path, made.stack(SHAPE))
    output = output_of(path)
    folder = output.with_name(f"{name}.unfinished")
    gone = {"folder": folder, "parent": output.parent}.get(what, folder / what)

    def remove():
        shutil.rmtree(gone) if gone.is_dir() else gone.unlink()

    monkeypatch.setattr("pellucid.blockwise.plan.LARGEST_BLOCK", 4096)
    with monkeypatch.context() as patch:
        meanwhile(patch, remove, after=2)
        with pytest.raises(RunError) as told:
            made.run(path, output, **OPTIONS)
    assert "\n" not in str(told.value)
    assert not output.exists()
    made.run(path, output, **OPTIONS)
    assert np.array_equal(made.read(output), made.read(undisturbed(name)))


def test_results_that_are_removed_while_others_are_made_are_told_and_made_again(tmp_path, monkeypatch):
    sections = made.stack((4, 64, 64))
    for number, section in enumerate(sections):
        write_array(tmp_path / "in" / f"{number}.png", section)
    with monkeypatch.context() as patch:
        meanwhile(patch, lambda: shutil.rmtree(tmp_path / "out"), after=3)
        with pytest.raises(RunError, match=r"0\.png: removed during the run .* of 4 results .* to recreate them"):
            made.run(tmp_path / "in", tmp_path / "out", **OPTIONS)
    done = meanwhile(monkeypatch, lambda: None)
    made.run(tmp_path / "in", tmp_path / "out", **OPTIONS)
    assert len(done) in (1, 2)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [f"{number}.png" for number in range(4)]


def half(folder):
    """Remove half of what was written."""
    for file in chunks(folder / "files")[::2]:
        os.truncate(file, 100) if file.suffix in (".npy", ".planes") else file.unlink()


@pytest.mark.parametrize("name", ["v3.zarr", "a.npy", "zlib.tif"])
def test_what_was_done_and_is_gone_is_done_again(name, tmp_path, monkeypatch, capsys, undisturbed):
    path = tmp_path / name
    make(path, made.stack(SHAPE))
    monkeypatch.setattr("pellucid.blockwise.plan.LARGEST_BLOCK", 4096)
    stopped(monkeypatch, path)
    half(output_of(path).with_name(f"{name}.unfinished"))
    made.run(path, output_of(path), **OPTIONS)
    assert "finished parts are missing from disk; they are computed again" in capsys.readouterr().err
    assert np.array_equal(made.read(output_of(path)), made.read(undisturbed(name)))


def test_coarser_levels_are_not_made_of_what_is_gone(tmp_path, monkeypatch):
    path, folder = tmp_path / "v3.zarr", tmp_path / "out" / "v3.zarr.unfinished"
    make(path, made.stack(SHAPE))
    monkeypatch.setattr(pyramid, "COARSEST", 16)
    made.run(path, tmp_path / "expected" / "v3.zarr", **OPTIONS)
    read = BlockWorker.read

    def remove_and_read(self, task):
        if task.number == 2 and task.level == 1:
            chunks(folder / "files")[0].unlink()
            shutil.rmtree(folder / "files" / "denoised" / "v3.zarr" / "v3.zarr" / "0" / "c" / "2")
        return read(self, task)

    with monkeypatch.context() as patch:
        patch.setattr(BlockWorker, "read", remove_and_read)
        with pytest.raises(RunError, match="part of the result was removed"):
            made.run(path, output_of(path), **OPTIONS)
    made.run(path, output_of(path), **OPTIONS)
    assert made.snapshot(output_of(path)) == made.snapshot(tmp_path / "expected" / "v3.zarr")
