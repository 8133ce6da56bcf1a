"""Zip files that may come from anyone: nothing is unpacked onto the disk, and nothing is read beyond its limit."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from stat import S_IFLNK, S_IFMT

from pellucid.errors import InputError

MOST_MEMBERS = 100
"""The largest number of members: a model has about ten."""
LONGEST_DIRECTORY = 1 << 16
"""Most bytes that a zip's list of its members may take."""
_END, _LOCATOR = b"PK\x05\x06", b"PK\x06\x07"
_LONGEST_END = 22 + (1 << 16)
_EARLIEST = (1980, 1, 1, 0, 0, 0)
_ENCRYPTED = 0x1


class Archive:
    """An open zip file whose list of members has been checked."""

    def __init__(self, path: Path, opened: zipfile.ZipFile) -> None:
        self._path = path
        self._zip = opened
        listed = opened.infolist()
        if len(listed) > MOST_MEMBERS:
            raise _unsafe(path, f"it lists {len(listed):,} members, and at most {MOST_MEMBERS} are taken")
        for info in listed:
            if fault := _fault(info):
                raise _unsafe(path, f"its member {info.filename!r} {fault}")
        self._members = {info.filename: info for info in listed if not info.is_dir()}
        if len({info.filename.casefold() for info in listed}) < len(listed):
            raise _unsafe(path, "two of its members have one name")

    @property
    def names(self) -> list[str]:
        """The names of all members, without folders."""
        return list(self._members)

    def read(self, name: str, limit: int) -> bytes:
        """Return the content of a member.

        Raises:
            InputError: it is longer than `limit` bytes, whatever the zip says of it, or damaged.
        """
        try:
            with self._zip.open(self._members[name]) as member:
                content = member.read(limit + 1)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as problem:
            raise _damaged(self._path, f"{name!r}: {problem}") from None
        if len(content) > limit:
            raise _unsafe(self._path, f"its member {name!r} is longer than the {limit:,} bytes that it may have")
        return content


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a zip file for the block.

    Raises:
        InputError: it is no zip file, damaged, or made to do harm.
    """
    try:
        with path.open("rb") as file:
            _refuse_long_directory(path, file.seek(0, io.SEEK_END), file)
            with zipfile.ZipFile(file) as opened:
                yield Archive(path, opened)
    except (zipfile.BadZipFile, struct.error, OSError, ValueError) as problem:
        expected = "not the folder of a run, nor the zip of a model, or damaged"
        raise InputError(f"{path}: {expected} ({problem}); `pellucid export` makes one") from None


def archive_bytes(members: Mapping[str, bytes]) -> bytes:
    """Return a zip file with these members, in the order of their names; the same for the same members.

    They are not compressed: weights hardly become smaller, and other versions of zlib give other bytes.
    """
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_STORED) as archive:
        for name, content in sorted(members.items()):
            info = zipfile.ZipInfo(name, _EARLIEST)
            info.create_system, info.external_attr = 3, 0o644 << 16
            archive.writestr(info, content)
    return written.getvalue()


def _refuse_long_directory(path: Path, size: int, file: io.BufferedReader) -> None:
    """Look at the length of the list of members before it is read: each entry takes a kilobyte of memory."""
    file.seek(max(0, size - _LONGEST_END))
    tail = file.read()
    end = tail.rfind(_END)
    if end < 0:
        raise zipfile.BadZipFile("not a zip file")
    (length,) = struct.unpack_from("<L", tail, end + 12)
    if length > LONGEST_DIRECTORY or tail[max(0, end - 20) :].startswith(_LOCATOR):
        raise _unsafe(path, "its list of members is too long for a model")


def _fault(info: zipfile.ZipInfo) -> str | None:
    """What is wrong with a member, if anything."""
    name = info.orig_filename
    if name != info.filename or "\\" in name or ":" in name or not name.isprintable():
        return "has a name that some systems cannot write"
    if name.startswith("/") or ".." in PurePosixPath(name).parts:
        return "points out of the zip"
    if S_IFMT(info.external_attr >> 16) == S_IFLNK:
        return "is a symbolic link"
    if info.flag_bits & _ENCRYPTED:
        return "is encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "is compressed in a way that is not read"
    return None


def _unsafe(path: Path, fault: str) -> InputError:
    return InputError(f"{path}: not a model to be trusted: {fault}; get the file from its author again")


def _damaged(path: Path, reason: str) -> InputError:
    return InputError(f"{path}: damaged ({reason}); get the file from its author again")
