"""MRC, DM4, HDF5 and OME-Zarr that say much beside their pixels, and how other libraries read what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import mrcfile
import numpy as np
import zarr
from nionswift_plugin.DM_IO import parse_dm3

from tests.io.formats import test_dm, test_mrc, test_zarr_beside
from tests.io.formats.matrix_fields import Field, Source
from tests.io.formats.matrix_pixels import picture


def _of_mrc(read: Callable[[Any], Any], path: Path) -> Any:
    with mrcfile.open(path) as file:
        return read(file)


def _moved(origin: Any) -> Any:
    return (origin[0] + 10 * 3.5, origin[1], origin[2] + 7.0)


_MRC = (
    Field("labels", partial(_of_mrc, lambda file: file.get_labels()), "2 labels"),
    Field("origin", partial(_of_mrc, lambda file: file.header.origin.item()), "origin", _moved),
    Field(
        "starts",
        partial(_of_mrc, lambda file: file.nstart.item()),
        "start in a larger volume",
        lambda start: (start[0] + 10, start[1], start[2] + 1),
    ),
    Field(
        "extended header with data of each section",
        partial(_of_mrc, lambda file: file.extended_header.tobytes()),
        "data of each section",
        lambda data: data[8:24].ljust(len(data), b"\0"),
    ),
    Field("space group", partial(_of_mrc, lambda file: int(file.header.ispg)), "space group"),
    Field("cell angles", partial(_of_mrc, lambda file: file.header.cellb.item()), "cell angles"),
    Field(
        "cell larger than the image",
        partial(_of_mrc, lambda file: (file.header.cella.item(), int(file.header.mx))),
        "cell larger than the image",
    ),
    Field("byte order", partial(_of_mrc, lambda file: file.header.mode.dtype.byteorder)),
)


def _turned(path: Path) -> None:
    """Bytes of IMOD, unsigned, whose columns are Y and whose rows are X."""
    test_mrc.make(path, picture("ZYX", "uint8").view("int8"))
    test_mrc.change(path, mapc=2, mapr=1, stamp=test_mrc.IMOD, flags=0)


_TURNED = (
    Field("map order", partial(_of_mrc, lambda file: (int(file.header.mapc), int(file.header.mapr)))),
    Field(
        "unsigned bytes of IMOD", lambda path: (path.read_bytes()[152:160], _of_mrc(lambda f: int(f.header.mode), path))
    ),
)


def _dm(path: Path) -> None:
    array = picture("ZYX")
    calibrated = (*test_dm.NM, test_dm.dimension(4, "nm"))
    other = test_dm.described(picture("YX", "float32"), test_dm.NM)
    test_dm.written(path, 4, test_dm.described(array, calibrated), other)


def _of_dm(read: Callable[[Any], Any], path: Path) -> Any:
    with path.open("rb") as file:
        return read(parse_dm3.dm_read_header(file))


def _dimensions(tags: Any) -> Any:
    return [one["Origin"] for one in tags["ImageList"][1]["ImageData"]["Calibrations"]["Dimension"]]


_DM = (
    Field("name", partial(_of_dm, lambda tags: tags["ImageList"][1]["Name"])),
    Field("image tags", partial(_of_dm, lambda tags: str(tags["ImageList"][1]["ImageTags"])), "image tags"),
    Field(
        "brightness",
        partial(_of_dm, lambda tags: tags["ImageList"][1]["ImageData"]["Calibrations"]["Brightness"]["Units"]),
        "brightness",
    ),
    Field(
        "origin",
        partial(_of_dm, _dimensions),
        "origin",
        lambda origins: [origins[0] - 10, origins[1], origins[2] - 1],
    ),
    Field(
        "annotations",
        partial(
            _of_dm,
            lambda tags: (
                [one["AnnotationType"] for one in tags["DocumentObjectList"][0].get("AnnotationGroupList", [])] or None
            ),
        ),
        "annotation",
    ),
    Field("other images in the file", partial(_of_dm, lambda tags: str(tags["ImageList"][2]["Name"])), "1 other image"),
    Field("all other tags", partial(_of_dm, lambda tags: np.asarray(tags["long"]).tolist())),
)


def _hdf5(path: Path) -> None:
    keys = {"axes": [{"key": key, "typeFlags": 2, "resolution": 0, "description": ""} for key in "zyx"]}
    with h5py.File(path, "w") as file:
        raw = file.create_dataset("volumes/raw", data=picture("ZYX"), chunks=(2, 10, 15), compression="gzip")
        raw.attrs["stain"], raw.attrs["see"], raw.attrs["axistags"] = "osmium", raw.ref, json.dumps(keys)
        raw.attrs["element_size_um"] = [0.04, 0.01, 0.01]
        file.attrs["microscope"], file["volumes"].attrs["session"] = "SEM 7", 12
        file["log"] = np.arange(5)


def _of_hdf5(read: Callable[[Any], Any], path: Path) -> Any:
    with h5py.File(path) as file:
        return read(file)


def _raw(name: str, path: Path) -> Any:
    return _of_hdf5(lambda file: file["volumes/raw"].attrs.get(name), path)


_HDF5 = (
    Field("path of the data set", partial(_of_hdf5, lambda file: "volumes/raw" in file or None)),
    Field("attributes of the data set", partial(_raw, "stain"), "attributes: stain"),
    Field("attributes of the file", partial(_of_hdf5, lambda file: file.attrs["microscope"]), "microscope"),
    Field("attributes of groups", partial(_of_hdf5, lambda file: file["volumes"].attrs["session"]), "session"),
    Field("axistags", lambda path: json.loads(_raw("axistags", path))),
    Field("chunks", partial(_of_hdf5, lambda file: file["volumes/raw"].chunks)),
    Field("compression", partial(_of_hdf5, lambda file: file["volumes/raw"].compression)),
    Field("references", lambda path: _raw("see", path) and "a reference", "references"),
    Field("other data sets", partial(_of_hdf5, lambda file: "log" in file or None), "other data sets"),
)


def _zarr(version: int, path: Path) -> None:
    images = [test_zarr_beside.described("raw", "tcyx", ["s0"]), test_zarr_beside.described("aligned", "zyx", ["b"])]
    images[0]["axes"] = [
        {"name": "t", "type": "time", "unit": "second"},
        {"name": "c", "type": "channel"},
        *({"name": one, "type": "space", "unit": "nanometer"} for one in "yx"),
    ]
    images[0]["datasets"][0]["coordinateTransformations"][0]["scale"] = [0.5, 1.0, 4.0, 4.0]
    told: dict[str, Any] = {"multiscales": images, "omero": {"channels": test_zarr_beside.CHANNELS}}
    if version == 2:
        told["multiscales"] = [{"version": "0.4", **one} for one in images]
    attributes = {**told, "dose": 3} if version == 2 else {"ome": {"version": "0.5", **told}, "dose": 3}
    group = zarr.create_group(path, zarr_format=version, attributes=attributes)
    group.create_array("s0", data=picture("TCYX"), chunks=(1, 1, 10, 15), attributes={"gain": 7}, **_shards(version))
    group.create_array("b", data=picture("ZYX"))
    group.create_array("labels/nuclei/0", data=picture("TCYX"))
    group.create_group("tables/cells", attributes={"rows": 5})


def _shards(version: int) -> dict[str, Any]:
    return {"shards": (1, 1, 20, 30)} if version == 3 else {}


def _attributes(path: Path) -> Any:
    return dict(zarr.open_group(path, mode="r").attrs)


def _of_ome(read: Callable[[Any], Any], path: Path) -> Any:
    told = _attributes(path)
    return read(told.get("ome", told))


def _first(read: Callable[[Any], Any], path: Path) -> Any:
    return _of_ome(lambda told: read(told["multiscales"][0]), path)


def _steps(multiscale: Any) -> Any:
    return multiscale["datasets"][0]["coordinateTransformations"]


def _member(name: str, path: Path) -> Any:
    group = zarr.open_group(path, mode="r")
    member = group.get(name)
    return member[:].tolist() if isinstance(member, zarr.Array) else None if member is None else dict(member.attrs)


def _level(read: Callable[[Any], Any], path: Path) -> Any:
    return read(zarr.open_group(path, mode="r")["s0"])


def _zarr_fields(version: int) -> tuple[Field, ...]:
    stored = (Field("shards", partial(_level, lambda array: array.shards)),) if version == 3 else ()
    return (
        Field("name", partial(_first, lambda told: told["name"])),
        Field(
            "channel descriptions (omero)",
            partial(_of_ome, lambda told: told["omero"]["channels"]),
            "omero",
            lambda channels: channels[1:],
        ),
        Field(
            "translation",
            partial(_first, lambda told: _steps(told)[1]["translation"]),
            "the position of the image",
            lambda shift: [shift[0] + 0.5, shift[1] + 1, shift[2], shift[3] + 40],
        ),
        Field(
            "scale and unit of time",
            partial(_first, lambda told: (_steps(told)[0]["scale"][0], told["axes"][0])),
            "T 0.5",
        ),
        Field(
            "metadata of the multiscale", partial(_first, lambda told: told["metadata"]), "of the multiscale: metadata"
        ),
        Field("unknown attributes of the group", lambda path: _attributes(path)["dose"], "attributes: dose"),
        Field("attributes of the array", partial(_level, lambda array: array.attrs["gain"]), "gain"),
        Field("labels", partial(_member, "labels/nuclei/0"), "labels: nuclei"),
        Field("tables", partial(_member, "tables/cells"), "tables: cells"),
        Field(
            "other multiscales",
            partial(_of_ome, lambda told: len(told["multiscales"]) > 1 or None),
            "a second multiscale",
        ),
        Field("paths of levels", partial(_first, lambda told: told["datasets"][0]["path"])),
        Field("chunks", partial(_level, lambda array: array.chunks)),
        *stored,
    )


_FRAMES = {"T": slice(1, 2), "C": slice(1, 3), "Y": slice(0, 20), "X": slice(10, 30)}
SOURCES = (
    Source("MRC", ".mrc", lambda path: test_mrc.rich(path, picture("ZYX", "int16"), ">"), _MRC),
    Source("MRC", ".mrc", _turned, _TURNED, {"Z": slice(1, 3), "Y": slice(0, 30), "X": slice(10, 20)}),
    Source("DM3, DM4", ".dm4", _dm, _DM, inner=":0"),
    Source("HDF5", ".h5", _hdf5, _HDF5, inner=":/volumes/raw"),
    Source("OME-Zarr 0.4", ".zarr", partial(_zarr, 2), _zarr_fields(2), _FRAMES),
    Source("OME-Zarr 0.5", ".zarr", partial(_zarr, 3), _zarr_fields(3), _FRAMES),
)
