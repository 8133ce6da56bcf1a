"""The tags of DigitalMicrograph's files, DM3 and DM4: a tree of named groups and values, read and written.

DM4 counts with 64 bits where DM3 does with 32, and tells the length of each tag. What describes the tree is big-endian;
the header tells the byte order of the values.
"""

from __future__ import annotations

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

import numpy as np

from pellucid.errors import InputError

_SCALARS = {2: "i2", 3: "i4", 4: "u2", 5: "u4", 6: "f4", 7: "f8", 8: "u1", 9: "i1", 10: "u1", 11: "i8", 12: "u8"}
_STRUCTURE, _STRING, _ARRAY = 15, 18, 20
_GROUP, _VALUE = 20, 21  # what begins a tag
_SHORT = 1 << 13  # bytes: longer values, such as pixels, stay in the file
_PART = 1 << 24  # bytes that are copied at once
_MOST_CODES = 1 << 16
_NAMED, _LISTED = b"\1\0", b"\0\0"  # a group's flags: whether it is sorted by name, and open in DigitalMicrograph


@dataclass
class Value:
    """A value, or a text or array of them.

    Attributes:
        kind: Its type as the file describes it: one code, or several for structures, texts and arrays.
        content: Its bytes; None if it is long, or not written yet.
        start: Where it begins in the file that it was read from.
    """

    kind: tuple[int, ...]
    content: bytes | None = None
    start: int | None = None

    @property
    def size(self) -> int:
        """Its number of bytes."""
        return _size(self.kind)


@dataclass
class Group:
    """Tags in their order; those of a list have no name."""

    tags: list[tuple[str, Value | Group]] = field(default_factory=list)
    flags: bytes = _NAMED

    def find(self, *steps: str | int) -> Value | Group | None:
        """The tag at the end of a path of names and positions; None if there is none."""
        node: Value | Group | None = self
        for step in steps:
            node = node._child(step) if isinstance(node, Group) else None
        return node

    def group(self, *steps: str | int) -> Group:
        """The group at the end of a path; an empty one if there is none."""
        found = self.find(*steps)
        return found if isinstance(found, Group) else Group()

    def groups(self, *steps: str | int) -> list[Group]:
        """The groups in the list at the end of a path."""
        return [node for _, node in self.group(*steps).tags if isinstance(node, Group)]

    def put(self, node: Value | Group, *steps: str) -> None:
        """Set a tag, replacing one of that name; groups on the path are made if they are missing."""
        name, *rest = steps
        if rest:
            inner = self._child(name)
            if not isinstance(inner, Group):
                inner = Group()
                self.put(inner, name)
            inner.put(node, *rest)
            return
        names = [known for known, _ in self.tags]
        if name in names:
            self.tags[names.index(name)] = (name, node)
            return
        later = (place for place, known in enumerate(names) if known.lower() > name.lower())
        self.tags.insert(next(later, len(names)) if self.flags[0] else len(names), (name, node))

    def remove(self, name: str) -> None:
        """Remove the tag of this name, if there is one."""
        self.tags = [tag for tag in self.tags if tag[0] != name]

    def _child(self, step: str | int) -> Value | Group | None:
        if isinstance(step, int):
            return self.tags[step][1] if 0 <= step < len(self.tags) else None
        return next((node for name, node in self.tags if name == step), None)


def listed(*nodes: Value | Group) -> Group:
    """A group of tags without names."""
    return Group([("", node) for node in nodes], _LISTED)


@dataclass
class Tags:
    """The tags of a file.

    Attributes:
        root: The outermost group.
        order: The byte order of the values: ``<`` or ``>``.
        source: The file that they were read from.
    """

    root: Group
    order: Literal["<", ">"] = "<"
    source: str | None = None

    def number(self, node: Value | Group | None) -> float | None:
        """The number in a tag; None if it is none."""
        if not isinstance(node, Value) or node.content is None or len(node.kind) != 1:
            return None
        return float(np.frombuffer(node.content, self.order + _SCALARS[node.kind[0]])[0])

    def text(self, node: Value | Group | None) -> str:
        """The text in a tag; empty if it is none."""
        if not isinstance(node, Value) or not node.content:
            return ""
        if node.kind[0] != _STRING and node.kind[:2] != (_ARRAY, 4):
            return ""
        return node.content.decode("utf-16-le" if self.order == "<" else "utf-16-be", "replace").rstrip("\0")

    def new_number(self, code: int, number: float) -> Value:
        """A tag with a number of the type ``code``."""
        return Value((code,), np.array([number], self.order + _SCALARS[code]).tobytes())

    def new_text(self, text: str) -> Value:
        """A tag with a text."""
        content = text.encode("utf-16-le" if self.order == "<" else "utf-16-be")
        return Value((_ARRAY, 4, len(content) // 2), content)


def new_array(code: int, length: int) -> Value:
    """A tag for an array of numbers of the type ``code`` that are written later."""
    return Value((_ARRAY, code, length))


def _size(kind: tuple[int, ...]) -> int:
    code, *rest = kind
    if code in _SCALARS:
        return np.dtype(_SCALARS[code]).itemsize
    if code == _STRUCTURE:  # lengths of names, which are 0, stand before the number of fields and before each type
        return sum(_size((field_code,)) for field_code in rest[3::2])
    if code == _STRING:
        return rest[0]
    if code == _ARRAY:
        return _size(tuple(rest[:-1])) * rest[-1]
    raise ValueError(f"unknown tag type {code}")


def read_tags(path: str) -> Tags:
    """Read the tags of a file; long values stay in it.

    Raises:
        InputError: It is not a DM3 or DM4 file, or is cut off.
    """
    with Path(path).open("rb") as file:
        begin = file.read(16)
        version = int.from_bytes(begin[:4], "big")
        if len(begin) < 16 or version not in (3, 4):
            raise InputError(f"{path}: is not a DM3 or DM4 file; save it again with DigitalMicrograph")
        header = 12 if version == 3 else 16
        little = int.from_bytes(begin[header - 4 : header], "big")
        file.seek(header)
        return Tags(_Reader(path, file, wide=version == 4).group(), "<" if little else ">", path)


class _Reader:
    """Reads tags from the present position of a file."""

    def __init__(self, path: str, file: BinaryIO, *, wide: bool) -> None:
        self._path = path
        self._file = file
        self._length = os.fstat(file.fileno()).st_size
        self._wide = wide
        self._count = 8 if wide else 4

    def group(self) -> Group:
        flags = self._take(2)
        return Group([self._tag() for _ in range(self._integer())], flags)

    def _tag(self) -> tuple[str, Value | Group]:
        what, length = struct.unpack(">BH", self._take(3))
        name = self._take(length).decode("latin-1")
        if self._wide:
            self._integer()  # the length of the tag
        if what not in (_GROUP, _VALUE):
            raise ValueError(f"no tag begins with {what}")
        return name, self.group() if what == _GROUP else self._value()

    def _value(self) -> Value:
        if self._take(4) != b"%%%%":
            raise ValueError("a value does not begin with %%%%")
        codes = self._integer()
        if not 0 < codes < _MOST_CODES:
            raise ValueError(f"a value with {codes} types")
        kind = tuple(self._integer() for _ in range(codes))
        start, size = self._file.tell(), _size(kind)
        if start + size > self._length:
            self._refuse_cut_off()
        if size <= _SHORT:
            return Value(kind, self._take(size), start)
        self._file.seek(size, os.SEEK_CUR)
        return Value(kind, None, start)

    def _integer(self) -> int:
        return int.from_bytes(self._take(self._count), "big")

    def _take(self, count: int) -> bytes:
        taken = self._file.read(count)
        if len(taken) != count:
            self._refuse_cut_off()
        return taken

    def _refuse_cut_off(self) -> None:
        raise InputError(f"{self._path}: is cut off (it ends after {self._length:,} bytes); copy or save it again")


def write_tags(tags: Tags, path: Path, version: int) -> None:
    """Write a file, as DM3 or DM4 (``version`` 3 or 4): values that are not written yet are zero."""
    counts = ">I" if version == 3 else ">Q"
    with path.open("wb") as file, Path(tags.source or os.devnull).open("rb") as source:
        file.write(struct.pack(f"{counts.replace('>', '>I')}I", version, 0, tags.order == "<"))
        begin = file.tell()
        _Writer(file, source, counts).group(tags.root)
        end = file.tell()
        file.write(bytes(8))
        file.seek(4)
        file.write(struct.pack(counts, end - begin))


class _Writer:
    """Writes tags to a file; long values are copied from the file that they were read from."""

    def __init__(self, file: BinaryIO, source: BinaryIO, counts: str) -> None:
        self._file = file
        self._source = source
        self._counts = counts
        self._count = struct.calcsize(counts)

    def group(self, group: Group) -> None:
        self._file.write(group.flags + struct.pack(self._counts, len(group.tags)))
        for name, node in group.tags:
            encoded = name.encode("latin-1")
            what = _GROUP if isinstance(node, Group) else _VALUE
            self._file.write(struct.pack(">BH", what, len(encoded)) + encoded)
            if self._count == 8:
                self._file.write(struct.pack(self._counts, self._length(node)))
            if isinstance(node, Group):
                self.group(node)
            else:
                self._value(node)

    def _value(self, value: Value) -> None:
        numbers = (len(value.kind), *value.kind)
        self._file.write(b"%%%%" + b"".join(struct.pack(self._counts, number) for number in numbers))
        if value.content is not None:
            self._file.write(value.content)
        elif value.start is None:
            self._file.seek(value.size, os.SEEK_CUR)
        else:
            self._source.seek(value.start)
            for left in range(value.size, 0, -_PART):
                self._file.write(self._source.read(min(left, _PART)))

    def _length(self, node: Value | Group) -> int:
        """The bytes of a tag after its name and this length."""
        if isinstance(node, Value):
            return 4 + self._count * (1 + len(node.kind)) + node.size
        names = sum(3 + len(name) for name, _ in node.tags)
        return 2 + self._count * (1 + len(node.tags)) + names + sum(self._length(inner) for _, inner in node.tags)
