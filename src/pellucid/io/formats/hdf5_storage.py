"""Where the pixels of HDF5 data sets are: in their file, behind links to other files, or gathered from several."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import h5py

from pellucid.errors import InputError

_MANY = "%"  # of names that stand for a number of files or data sets, as many as there are


def dataset_paths(file: Any, most: int = 1000) -> list[str]:
    """The paths of the data sets of a file, in its order, but no more than ``most``."""
    return list(islice((path for path, item in _items(file["/"]) if isinstance(item, h5py.Dataset)), most))


def broken_links(file: Any) -> dict[str, str]:
    """The links to other files that lead nowhere: by path, in words where they lead."""
    found = [(path, item) for path, item in _items(file["/"]) if isinstance(item, h5py.ExternalLink)]
    return {path: f"{link.path} of {link.filename}" for path, link in found}


def files_of(dataset: Any, path: str, name: str) -> list[Path]:
    """All files that hold pixels of a data set, or lead to it from ``path``.

    Raises:
        InputError: One of those from which a virtual data set is gathered is missing: HDF5 would read the fill value.
    """
    return list(dict.fromkeys([Path(path), Path(dataset.file.filename), *_sources(dataset, name)]))


def unwritten_chunks(dataset: Any) -> tuple[int, int]:
    """How many chunks were never written, which read as the fill value, of how many; without chunks there is one."""
    if dataset.is_virtual or dataset.external or dataset.size == 0:
        return 0, 1
    if dataset.chunks is None:
        return int(dataset.id.get_storage_size() == 0), 1
    total = math.prod(-(-size // side) for size, side in zip(dataset.shape, dataset.chunks, strict=True))
    return total - dataset.id.get_num_chunks(), total


def _items(root: Any) -> Iterator[tuple[str, Any]]:
    """The data sets below a group by path, each once, and the links that lead nowhere."""
    seen = {_number(root)}

    def below(group: Any, above: str) -> Iterator[tuple[str, Any]]:
        for key in group:
            path, link, item = f"{above}/{key}", group.get(key, getlink=True), group.get(key)
            number = _number(item) if item is not None else None
            if isinstance(link, h5py.SoftLink) or number in seen:
                continue  # it is found elsewhere
            if number is None:
                yield path, link
            elif isinstance(link, h5py.HardLink) or number[0] != _number(group)[0]:  # no way back into its own file
                seen.add(number)
                yield from below(item, path) if isinstance(item, h5py.Group) else [(path, item)]

    yield from below(root, "")


def _number(item: Any) -> tuple[int, int]:
    """What tells an object from all others: its file's number and its place there."""
    known = h5py.h5o.get_info(item.id)
    return int(known.fileno), int(known.addr)


def _sources(dataset: Any, name: str) -> Iterator[Path]:
    """The files from which a virtual data set is gathered, and those of its sources that are virtual themselves."""
    named = {(one.file_name, one.dset_name): None for one in dataset.virtual_sources()} if dataset.is_virtual else {}
    for said, inner in named:
        if _MANY in said or _MANY in inner:
            continue
        file = Path(dataset.file.filename) if said == "." else _found(said, Path(dataset.file.filename))
        if file is None:
            raise InputError(f"{name}: has planes in {said}, which is missing; put that file beside it")
        yield file
        with h5py.File(file, "r") as opened:
            source = opened.get(inner)
            if source is None:
                raise InputError(f"{name}: has planes in {inner} of {file}, which is not there; export it again")
            yield from _sources(source, name)


def _found(said: str, by: Path) -> Path | None:
    """The file of a name that another file says, where HDF5 looks for it: there, beside the other, in this folder."""
    places = [by.parent / said, by.resolve().parent / said, Path(said)]
    if Path(said).is_absolute():
        places += [by.parent / Path(said).name, Path(Path(said).name)]
    return next((place for place in places if place.is_file()), None)
