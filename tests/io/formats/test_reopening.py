"""Every format writes volumes region by region, also after the process was killed."""

from __future__ import annotations

import multiprocessing
import os
import signal
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from pellucid.errors import RunError
from pellucid.io.formats.mrc_header import MrcStyle, blank
from pellucid.io.formats.tiff_tags import TiffStyle
from pellucid.io.formats.zarr_metadata import ZarrStyle
from pellucid.io.layout import Layout
from pellucid.io.output_spec import OutputSpec, Style
from pellucid.io.pixel_size import PixelSize
from pellucid.io.registry import open_image, writable_format

SHAPE = (6, 50, 70)
PIXELS = np.random.default_rng(0).integers(0, 60000, SHAPE).astype(np.uint16)
SIZE = PixelSize({"Z": 8.0, "Y": 4.0, "X": 4.0}, "nm")


def turned():
    """The style of an MRC whose columns are Z, with more of them than are written."""
    header = blank(Layout("XYZ"), (70, 50, 20))
    header.fields["mapc"], header.fields["maps"] = 3, 1
    return MrcStyle(bytes(header))


STYLES = {
    "map.npy": Style(),
    "map.mrc": Style(),
    "turned.mrc": turned(),
    "map.tif": Style(),
    "map.dm3": Style(),
    "map.dm4": Style(),
    "zlib.tif": TiffStyle("ome", "zlib", predictor=True),
    "tiles.tif": TiffStyle("plain", "zlib", tile=(32, 48)),
    "raw-tiles.tif": TiffStyle("imagej", tile=(16, 16)),
    "data.h5": Style(),
    "two.zarr": ZarrStyle(2, {"Z": 2, "Y": 20, "X": 30}),
    "shards.zarr": ZarrStyle(3, {"Z": 1, "Y": 10, "X": 20}, {"Z": 2, "Y": 20, "X": 40}),
}


def plan_for(folder, name):
    return OutputSpec(str(folder / name), "ZYX", SHAPE, PIXELS.dtype, SIZE, STYLES[name], offset={"Z": 3}, levels=True)


def module(spec):
    return writable_format(Path(spec.path), spec).load()


def regions(unit):
    """Boxes of two units along each axis, so that some are cut by the border."""
    sides = [2 * side if side > 1 else 3 for side in unit]
    for starts in product(*(range(0, size, side) for size, side in zip(SHAPE, sides, strict=True))):
        yield tuple(
            slice(start, min(start + side, size)) for start, side, size in zip(starts, sides, SHAPE, strict=True)
        )


def put(writer, region):
    place = dict(zip("ZYX", region, strict=True))
    writer.array[writer.layout.index(place)] = writer.layout.from_axes(PIXELS[region], "ZYX")


def write_half_and_die(folder):
    for name in STYLES:
        spec = plan_for(folder, name)
        writer = module(spec).create(Path(spec.path), spec)
        for region in list(regions(writer.unit))[::2]:
            put(writer, region)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope="module")
def killed(tmp_path_factory):
    """A folder in which a process was killed that had written every other region of a file of each format."""
    folder = tmp_path_factory.mktemp("killed")
    process = multiprocessing.get_context("spawn").Process(target=write_half_and_die, args=(folder,))
    process.start()
    process.join(60)
    assert process.exitcode == -signal.SIGKILL
    return folder


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kills a process as Unix does")
@pytest.mark.parametrize("name", STYLES)
def test_a_file_whose_writer_was_killed_is_gone_on_with(killed, name, pixels):
    spec = plan_for(killed, name)
    writer = module(spec).reopen(Path(spec.path), spec)
    for region in list(regions(writer.unit))[1::2]:
        put(writer, region)
    writer.release()
    writer.finish()
    image = open_image(spec.path)
    np.testing.assert_array_equal(pixels(image), PIXELS)
    assert image.pixel_size is None if name == "map.npy" else image.pixel_size.to("nm") == SIZE
    assert not list(killed.glob(f"{name}.*"))  # no raw pixels are left
    assert not list(killed.glob(f"part-{name}"))
    module(spec).reopen(Path(spec.path), spec).finish()  # killed before anyone took down that it is finished
    np.testing.assert_array_equal(pixels(open_image(spec.path)), PIXELS)


@pytest.mark.parametrize("name", STYLES)
def test_regions_are_written_from_several_threads(tmp_path, name, pixels):
    spec = plan_for(tmp_path, name)
    writer = module(spec).create(Path(spec.path), spec)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda region: put(writer, region), regions(writer.unit)))
    writer.finish()
    image = open_image(spec.path)
    np.testing.assert_array_equal(pixels(image), PIXELS)
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(lambda region: image.read_block(region[:1], *region[1:]), regions(image.chunks)))
    for region, block in zip(regions(image.chunks), read, strict=True):
        np.testing.assert_array_equal(block, PIXELS[region])


PARALLEL = ["map.npy", "map.mrc", "map.tif", "map.dm4", "two.zarr", "shards.zarr"]


def write_every_other(folder, first):
    for name in PARALLEL:
        spec = plan_for(folder, name)
        writer = module(spec).reopen(Path(spec.path), spec)
        for region in list(regions(writer.unit))[first::2]:
            put(writer, region)
        writer.abort()


def test_processes_write_at_once_where_the_format_says_so(tmp_path, pixels):
    plans = [plan_for(tmp_path, name) for name in PARALLEL]
    for spec in plans:
        writer = module(spec).create(Path(spec.path), spec)
        assert writer.parallel
        writer.abort()
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=write_every_other, args=(tmp_path, first)) for first in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert worker.exitcode == 0
    for spec in plans:
        module(spec).reopen(Path(spec.path), spec).finish()
        np.testing.assert_array_equal(pixels(open_image(spec.path)), PIXELS)


@pytest.mark.parametrize("name", STYLES)
def test_a_file_that_was_begun_for_another_image_is_refused(tmp_path, name):
    spec = plan_for(tmp_path, name)
    path = Path(spec.path)
    module(spec).create(path, spec).abort()
    other = OutputSpec(spec.path, "ZYX", (7, 50, 70), spec.dtype, SIZE, STYLES[name])
    with pytest.raises(RunError, match=r"the unfinished file is .*start over"):
        module(spec).reopen(path, other)


def test_writers_say_which_regions_are_independent(tmp_path):
    units = {}
    for name in STYLES:
        writer = module(plan_for(tmp_path, name)).create(tmp_path / name, plan_for(tmp_path, name))
        units[name] = (writer.unit, writer.parallel)
        writer.abort()
    assert units["two.zarr"] == ((2, 20, 30), True)
    assert units["shards.zarr"] == ((2, 20, 40), True)
    assert {units[name] for name in ("map.npy", "map.mrc", "map.tif", "map.dm3", "map.dm4")} == {((1, 1, 1), True)}
    assert {units[name] for name in ("zlib.tif", "tiles.tif", "raw-tiles.tif", "data.h5")} == {((1, 1, 1), False)}
