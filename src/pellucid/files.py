"""Atomic writing: a file has its final name only when it is complete."""

from __future__ import annotations

import errno
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pellucid.errors import InputError, RunError

#: A folder with one of these is a Zarr array or group.
ZARR_FILES = (".zarray", ".zgroup", "zarr.json")


@contextmanager
def replacing(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; move the file written there into place if the block succeeds.

    The temporary path has the same file name, in a hidden folder that is removed in any case.

    Raises:
        InputError: ``path`` exists and ``overwrite`` is not set, or its folder cannot be written.
        RunError: The disk is full.
    """
    target = Path(path)
    check_free(target, overwrite=overwrite)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(prefix=".pellucid-", dir=target.parent))
    try:
        with writing(target):
            yield folder / target.name
            check_free(target, overwrite=overwrite)
            put_in_place(folder / target.name, target)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_free(target: Path, *, overwrite: bool) -> None:
    """Check that a path may be written.

    Raises:
        InputError: ``target`` exists and may not be replaced, or is a folder that is not a Zarr.
    """
    if not os.path.lexists(target):
        return
    if not overwrite:
        raise InputError(f"{target}: exists already; choose another name or ask to overwrite it")
    if target.is_dir() and not is_zarr(target):
        raise InputError(f"{target}: is a folder, which a file never replaces; choose another name")


def is_zarr(folder: Path) -> bool:
    """Whether a folder is a Zarr array or group."""
    return any((folder / name).is_file() for name in ZARR_FILES)


def put_in_place(made: Path, target: Path) -> None:
    """Move a complete file or folder to its final name on the same disk, replacing what is there."""
    old = made.with_name("old")
    if target.is_dir():  # a folder cannot be replaced in one step: the old one is moved away first
        target.replace(old)
    made.replace(target)
    shutil.rmtree(old, ignore_errors=True)


def existing_folder(path: Path) -> Path:
    """Return the nearest folder above a path that exists."""
    return next(folder for folder in path.absolute().parents if folder.exists())


def refuse_unwritable(target: Path) -> None:
    """Check that a target can be written, by creating something in a folder above it: permissions alone do not tell.

    Raises:
        InputError: Nothing can be written there.
        RunError: The disk is full.
    """
    try:
        with writing(target), tempfile.TemporaryDirectory(prefix=".pellucid-", dir=existing_folder(target)):
            pass
    except FileNotFoundError as error:  # the answer of /proc, even to the administrator
        raise InputError(f"{target}: cannot be written there; choose another folder") from error


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write readable JSON in one step, over an earlier file."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text in one step, over an earlier file."""
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def writing(target: str | Path) -> Iterator[None]:
    """Turn an error of writing in the ``with`` block into one line that names the file.

    Raises:
        InputError: No permission, no such place, part of the path is a file, or the name is too long.
        RunError: The disk is full.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left on device" in str(error):
            raise RunError(
                f"disk full while writing {target}; nothing was left behind. Free some space and try again"
            ) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise InputError(f"{target}: no permission to write there; choose another folder") from error
        if error.errno in (errno.ENOTDIR, errno.EEXIST):
            raise InputError(f"{target}: part of this path is a file, not a folder; choose another name") from error
        if error.errno == errno.ENOENT and _is_on_the_way(error.filename, Path(target)):  # as below /proc
            raise InputError(f"{target}: cannot be written there; choose another folder") from error
        if error.errno == errno.ENAMETOOLONG:
            raise InputError(f"{target}: the name is too long; choose a shorter one") from error
        raise


def _is_on_the_way(missing: str | None, target: Path) -> bool:
    """Whether what could not be made is the target, a folder above it, or a temporary one beside it."""
    if missing is None:
        return False
    path = Path(missing)
    return path in (target, *target.parents) or (path.parent == target.parent and path.name.startswith(".pellucid-"))


def reserve(path: Path, size: int) -> None:
    """Make a file at least ``size`` bytes long and allocate its disk space.

    Writing to a map of a file without its space kills the process (SIGBUS) if the disk is full.

    Raises:
        OSError: The disk is full (ENOSPC).
    """
    with path.open("r+b" if path.exists() else "w+b") as file:
        missing = size - file.seek(0, os.SEEK_END)
        if hasattr(os, "posix_fallocate"):
            if size:
                os.posix_fallocate(file.fileno(), 0, size)
            return
        while missing > 0:
            missing -= file.write(bytes(min(missing, 1 << 24)))
