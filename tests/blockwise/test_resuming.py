"""A job that is killed at any instant and started again equals one that never stopped, to the bit."""

from __future__ import annotations

import shutil
import signal

import numpy as np
import pytest
import tifffile

from pellucid.blockwise.lock import locked
from pellucid.blockwise.slab_statistics import SlabStatistics
from pellucid.blockwise.worker import BlockWorker
from pellucid.errors import InputError
from pellucid.evaluation import removed_noise
from pellucid.io import pyramid
from pellucid.io.writing import write_array

from . import made

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process as Unix does")
SHAPE = (3, 90, 110)
NAMES = ["a.zarr", "a.npy", "a.tif", "zlib.tif", "a.mrc", "a.h5", "sections"]
OPTIONS = {"statistics": "exact", "noise": True}


@pytest.fixture(autouse=True)
def _one_thread(one_thread):
    """So that what is compared to the bit is."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    array = made.stack(SHAPE)
    for name in ("a.npy", "a.tif", "a.h5"):
        write_array(folder / name, array, axes="ZYX")
    import zarr

    zarr.create_array(str(folder / "a.zarr"), data=array, chunks=(1, 32, 32), dimension_names=["z", "y", "x"])
    tifffile.imwrite(folder / "zlib.tif", array, compression="zlib", photometric="minisblack", metadata={"axes": "ZYX"})
    write_array(folder / "a.mrc", array.astype(np.uint16), axes="ZYX")
    for number, section in enumerate(array):
        write_array(folder / "sections" / f"{number}.png", section)
    return folder


@pytest.fixture(scope="module")
def expected(inputs, tmp_path_factory):
    """The results of jobs that were never stopped."""
    folder = tmp_path_factory.mktemp("expected")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pyramid, "COARSEST", made.COARSEST)
        for name in NAMES:
            made.run(inputs / name, folder / name, made.LITTLE, **OPTIONS)
    return folder


@pytest.fixture(autouse=True)
def _levels(monkeypatch):
    monkeypatch.setattr(pyramid, "COARSEST", made.COARSEST)


def assert_same_results(found, expected, name):
    assert {path.name for path in found.iterdir()} <= {name, "noise"}
    for one, other in ((found / place, expected / place) for place in (name, f"noise/{name}")):
        assert one.exists() == other.exists()
        if one.is_dir():
            assert made.snapshot(one) == made.snapshot(other)
        elif one.name.endswith((".h5", ".mrc", "zlib.tif")):
            assert np.array_equal(made.read(one), made.read(other))
        elif one.exists():  # a folder has the noise of its images in it
            assert one.read_bytes() == other.read_bytes()


@pytest.mark.parametrize("name", NAMES)
def test_killed_between_blocks(name, inputs, expected, tmp_path, capsys):
    assert made.killed("block", 4, inputs / name, tmp_path / name, made.LITTLE, **OPTIONS)
    assert not (tmp_path / name).exists()
    if name == "a.zarr":
        assert made.killed("block", 3, inputs / name, tmp_path / name, made.LITTLE, **OPTIONS)
    written = made.run(inputs / name, tmp_path / name, made.LITTLE, **OPTIONS)
    assert f"going on with {tmp_path / name}.unfinished" in capsys.readouterr().err
    for file in written:  # blocks from before the kill count as well
        removed = removed_noise(made.read(file.source), made.read(file.path))
        assert file.removed.pixels == pytest.approx(removed.pixels)  # the blocks are too small for outlines
    assert_same_results(tmp_path, expected, name)


@pytest.mark.parametrize(
    ("place", "number"),
    [("statistics", 1), ("statistics", 3), ("level", 1), ("level", 2), ("finish", 1), ("end", 1)],
)
def test_killed_anywhere_else(place, number, inputs, expected, tmp_path):
    assert made.killed(place, number, inputs / "a.zarr", tmp_path / "a.zarr", made.LITTLE, **OPTIONS)
    made.run(inputs / "a.zarr", tmp_path / "a.zarr", made.LITTLE, **OPTIONS)
    assert_same_results(tmp_path, expected, "a.zarr")


@pytest.mark.parametrize(
    ("name", "place", "number"),
    [
        ("a.npy", "move", 1),
        ("zlib.tif", "move", 2),
        ("zlib.tif", "moved", 1),
        ("a.npy", "moved", 1),
        ("a.npy", "moved", 2),
    ],
)
def test_killed_while_the_results_move_to_their_places(name, place, number, inputs, expected, tmp_path):
    """There are two."""
    assert made.killed(place, number, inputs / name, tmp_path / name, made.LITTLE, **OPTIONS)
    assert (tmp_path / name).exists() == (place == "moved" or number > 1)
    made.run(inputs / name, tmp_path / name, made.LITTLE, **OPTIONS)
    assert_same_results(tmp_path, expected, name)


def test_a_folder_that_was_not_quite_removed_does_no_harm(inputs, expected, tmp_path):
    assert made.killed("end", 1, inputs / "a.npy", tmp_path / "a.npy", made.LITTLE, **OPTIONS)
    (tmp_path / "a.npy.unfinished" / "ledger.sqlite").unlink()
    with pytest.raises(InputError, match="exists already"):
        made.run(inputs / "a.npy", tmp_path / "a.npy", made.LITTLE, **OPTIONS)


@pytest.fixture
def begun(inputs, tmp_path):
    """The output of a job that was killed after some blocks."""
    assert made.killed("block", 6, inputs / "a.npy", tmp_path / "a.npy", made.LITTLE, **OPTIONS)
    return tmp_path / "a.npy"


def test_other_settings_are_refused_and_named_and_nothing_is_lost(begun, inputs, expected, monkeypatch):
    folder = begun.with_name("a.npy.unfinished")
    before = made.snapshot(folder)
    other = inputs.parent / f"{inputs.name}-other" / "a.npy"
    write_array(other, made.stack(SHAPE, seed=1), axes="ZYX")
    for source, changes, said in (
        (inputs / "a.npy", {"noise": False}, "noise was true, now false"),
        (inputs / "a.npy", {"region": "0:2,:,:"}, 'region was null, now "0:2,:,:"'),
        (inputs / "a.npy", {"statistics": "trained"}, 'statistics was "exact", now "trained"'),
        (other, {}, "input was "),
    ):
        with pytest.raises(InputError, match=said):
            made.run(source, begun, made.LITTLE, **{**OPTIONS, **changes})
    monkeypatch.setattr(made, "spec", lambda memory, whole=made.spec: whole(memory, seed=1))
    with pytest.raises(InputError, match=r'model was "[0-9a-f]{56,57}\.\.\., now "'):
        made.run(inputs / "a.npy", begun, made.LITTLE, **OPTIONS)
    assert made.snapshot(folder) == before
    monkeypatch.undo()
    shutil.rmtree(other.parent)
    made.run(inputs / "a.npy", begun, made.LITTLE, **OPTIONS)
    assert_same_results(begun.parent, expected, "a.npy")


def test_other_settings_before_the_first_block_are_refused_too(inputs, tmp_path):
    assert made.killed("statistics", 3, inputs / "a.npy", tmp_path / "a.npy", made.LITTLE, **OPTIONS)
    with pytest.raises(InputError, match="noise was true, now false"):
        made.run(inputs / "a.npy", tmp_path / "a.npy", made.LITTLE, statistics="exact")
    assert (tmp_path / "a.npy.unfinished").exists()


def test_another_memory_and_other_retries_change_nothing(begun, inputs, expected):
    made.run(inputs / "a.npy", begun, made.PLENTY, retries=9, **OPTIONS)
    assert_same_results(begun.parent, expected, "a.npy")


def test_overwrite_begins_again_with_other_settings_and_goes_on_with_the_same(begun, inputs, expected, capsys):
    made.run(inputs / "a.npy", begun, made.LITTLE, overwrite=True, statistics="exact")
    assert "going on" not in capsys.readouterr().err
    assert [path.name for path in begun.parent.iterdir()] == ["a.npy"]
    assert np.array_equal(np.load(begun), np.load(expected / "a.npy"))
    assert made.killed("block", 6, inputs / "a.npy", begun, made.LITTLE, overwrite=True, **OPTIONS)
    assert np.array_equal(np.load(begun), np.load(expected / "a.npy"))  # as long as the new one is not whole
    made.run(inputs / "a.npy", begun, made.LITTLE, overwrite=True, **OPTIONS)
    assert "going on" in capsys.readouterr().err
    assert_same_results(begun.parent, expected, "a.npy")


def test_what_is_done_is_not_done_again(begun, inputs, monkeypatch):
    blocks, measured = [], []
    denoise, measure = BlockWorker._denoise, SlabStatistics.measure
    monkeypatch.setattr(BlockWorker, "_denoise", lambda self, *a: blocks.append(a) or denoise(self, *a))
    monkeypatch.setattr(SlabStatistics, "measure", lambda self, n: measured.append(n) or measure(self, n))
    made.run(inputs / "a.npy", begun, made.LITTLE, **OPTIONS)
    resumed = len(blocks), len(measured)
    made.run(inputs / "a.npy", begun, made.LITTLE, overwrite=True, **OPTIONS)
    assert len(measured) - resumed[1] == SHAPE[0]
    assert resumed[0] <= len(blocks) - resumed[0]
    with pytest.raises(InputError, match="exists already"):
        made.run(inputs / "a.npy", begun, made.LITTLE, **OPTIONS)


def test_two_at_once_are_refused(begun, inputs, expected):
    folder = begun.with_name("a.npy.unfinished")
    with (
        locked(folder / "lock", "busy"),
        pytest.raises(InputError, match=r"a\.npy\.unfinished: another process is at work on it; wait"),
    ):
        made.run(inputs / "a.npy", begun, made.LITTLE, **OPTIONS)
    made.run(inputs / "a.npy", begun, made.LITTLE, **OPTIONS)
    assert_same_results(begun.parent, expected, "a.npy")


def test_a_damaged_ledger_is_told_and_kept_until_overwrite(begun, inputs, expected):
    ledger = begun.with_name("a.npy.unfinished") / "ledger.sqlite"
    ledger.write_text("no database " * 99)
    with pytest.raises(InputError, match=r"ledger\.sqlite: damaged .* begin again with --overwrite"):
        made.run(inputs / "a.npy", begun, made.LITTLE, **OPTIONS)
    assert ledger.exists()
    made.run(inputs / "a.npy", begun, made.LITTLE, overwrite=True, **OPTIONS)
    assert_same_results(begun.parent, expected, "a.npy")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["a.zarr", "many"])
@pytest.mark.parametrize("seed", [1, 2])
def test_killed_at_any_instant_again_and_again(name, seed, inputs, tmp_path):
    given = inputs / name
    if name == "many":
        given = tmp_path / "in"
        for number, section in enumerate(made.stack((40, 48, 56), seed=3)):
            write_array(given / f"{number}.png", section)
    options = {"statistics": "sampled"}
    made.run(given, tmp_path / "expected" / name, made.LITTLE, **options)
    output, chance = tmp_path / "out" / name, np.random.default_rng(seed)
    folder, kills = output.with_name(f"{name}.unfinished"), 0
    while kills < 12 and made.killed_after(chance.uniform(0, 0.3), folder, given, output, made.LITTLE, **options):
        kills += 1
    if kills == 12:
        made.run(given, output, made.LITTLE, **options)
    assert kills > 1
    assert not folder.exists()
    assert made.snapshot(output) == made.snapshot(tmp_path / "expected" / name)


def test_files_that_were_done_before_the_stop_are_told(inputs, tmp_path, capsys):
    source, output = inputs / "sections", tmp_path / "sections"
    assert made.killed("end", 1, source, output, made.LITTLE, **OPTIONS)
    files = len(list(source.iterdir()))
    made.run(source, output, made.LITTLE, **OPTIONS)
    assert f"{files} files were done before the stop" in capsys.readouterr().err
