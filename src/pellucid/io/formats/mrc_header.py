"""The header of an MRC file: what it says about the pixels, and how it describes a result.

The standard is MRC2014; the flags and modes that IMOD and SerialEM add are read as IMOD does.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from mrcfile.dtypes import HEADER_DTYPE

from pellucid.errors import InputError
from pellucid.io.layout import Layout
from pellucid.io.output_spec import Style
from pellucid.io.pixel_size import PixelSize

Order: TypeAlias = Literal["<", ">"]

LENGTH = 1024
LABELS = 10
FOUR_BITS = 101
_TYPES = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2", FOUR_BITS: "u1"}
_MODES = {"int8": 0, "uint8": 0, "int16": 1, "float32": 2, "uint16": 6, "float16": 12}
_REFUSED = {
    3: "a Fourier transform, which is not a grey image; give the image that it was made from",
    4: "a Fourier transform, which is not a grey image; give the image that it was made from",
    16: "colour, and Pellucid denoises one channel at a time; convert it to grey",
}
#: What SerialEM and IMOD keep in places that the standard leaves free.
_IMOD = np.dtype(
    {
        "names": ["integers", "reals", "stamp", "flags"],
        "formats": ["i2", "i2", "i4", "i4"],
        "offsets": [128, 130, 152, 156],
        "itemsize": LENGTH,
    }
)
_STAMP = 1146047817  # "IMOD": the flags are valid
#: What is true of every file: others are shown the other way up.
UPWARDS = "that rows go upwards (IMOD and Fiji show the result upside down)"
_SIGNED, _ORIGIN_AS_STANDARD, _PACKED = 1, 4, 16
_STAMP_AT = slice(212, 214)
_ORDERS: dict[bytes, Order] = {b"\x44\x44": "<", b"\x44\x41": "<", b"\x11\x11": ">"}
_MACHINE_STAMPS: dict[Order, bytes] = {"<": b"\x44\x44", ">": b"\x11\x11"}
_PER_SECTION = ("SERI", "AGAR", "FEI1", "FEI2")
#: Extended headers that concern the whole file: symmetry operators.
WHOLE = ("CCP4", "MRCO")


@dataclass(frozen=True)
class MrcStyle(Style):
    """The header and the extended header of a file, byte by byte."""

    header: bytes
    extended: bytes = b""

    @property
    def annotations(self) -> tuple[str, ...]:
        """See ``Style.annotations``."""
        return *Header(self.header).annotations, UPWARDS


class Header:
    """The fields of a header, which may be changed, and what they mean.

    Attributes:
        fields: By their names in mrcfile.
        imod: ``integers`` and ``reals`` of each section in the extended header, IMOD's ``stamp`` and ``flags``.
    """

    def __init__(self, data: bytes) -> None:
        self._data = bytearray(data)
        order = _byte_order(data)
        self.fields: Any = np.ndarray((), HEADER_DTYPE.newbyteorder(order), self._data)
        self.imod: Any = np.ndarray((), _IMOD.newbyteorder(order), self._data)
        if self.fields["mode"] == 0 and self._flag(_PACKED):
            self._unpack()

    def _unpack(self) -> None:
        """Describe pairs of 4-bit pixels that are stored as bytes like those of mode 101: IMOD counts the pairs."""
        if self.fields["mx"] == self.fields["nx"]:
            self.fields["mx"] *= 2
            with np.errstate(all="ignore"):  # in a damaged header it may be anything
                self.fields["cella"]["x"] *= 2
        self.fields["nx"] *= 2
        self.fields["mode"] = FOUR_BITS
        self.imod["flags"] &= ~_PACKED

    def __bytes__(self) -> bytes:
        return bytes(self._data)

    def check(self, path: str) -> None:
        """Raise InputError if this is no header of a grey image, or contradicts itself."""
        mode, sizes, order = int(self.fields["mode"]), self._numbers("n"), self._numbers("map")
        if bytes(self.fields["map"])[:3] != b"MAP":
            raise InputError(f'{path}: has no "MAP" in its header: damaged, or of another format; export it again')
        if mode not in _TYPES:
            why = _REFUSED.get(mode, "which is unknown; convert it to mode 2 (float32)")
            raise InputError(f"{path}: has MRC mode {mode}, {why}")
        if min(sizes) < 1 or int(self.fields["nsymbt"]) < 0:
            raise InputError(f"{path}: has the impossible size {sizes} in its header; export it again")
        if any(order) and sorted(order) != [1, 2, 3]:
            raise InputError(
                f"{path}: names its axes {order} (mapc, mapr, maps), which is no order of X, Y, Z (1, 2, 3); "
                "correct them, for example with IMOD's alterheader"
            )
        if self._stacks_volumes and (self.letters != "XYZ" or self.fields["mz"] < 1 or sizes[2] % self.fields["mz"]):
            raise InputError(
                f"{path}: is a stack of volumes, but {sizes[2]} sections in the axes {self.letters} are no whole "
                f"volumes of {int(self.fields['mz'])}; correct mz or the space group in its header"
            )

    @property
    def letters(self) -> str:
        """The axes of columns, rows and sections, in this order; X, Y, Z if the header does not say."""
        order = self._numbers("map")
        return "".join("XYZ"[number - 1] for number in order) if any(order) else "XYZ"

    @property
    def layout(self) -> Layout:
        """The axes as stored."""
        letters = self.letters[::-1]
        if self._stacks_volumes:
            return Layout(f"T{letters}")
        flat = self.fields["nz"] == 1 and self.fields["ispg"] == 0 and letters[0] == "Z"
        return Layout(letters[1:] if flat else letters)

    @property
    def shape(self) -> tuple[int, ...]:
        """The size along each stored axis."""
        columns, rows, sections = self._numbers("n")
        if self._stacks_volumes:
            depth = int(self.fields["mz"])
            return sections // depth, depth, rows, columns
        return (sections, rows, columns)[-len(self.layout.stored) :]

    @property
    def dtype(self) -> np.dtype[Any]:
        """The pixel type, in the file's byte order. Bytes are signed unless the header proves that they are not."""
        kind = "u1" if self.unsigned else _TYPES[int(self.fields["mode"])]
        return np.dtype(kind).newbyteorder(self.fields.dtype["nx"].byteorder)

    @property
    def unsigned(self) -> bool:
        """Whether bytes are unsigned: as IMOD's flag says, else if the greatest is beyond what a signed byte can be."""
        if self.fields["mode"] != 0:
            return False
        if self.stamped:
            return not self._flag(_SIGNED)
        return float(self.fields["dmin"]) >= 0 and 127 < float(self.fields["dmax"]) <= 255

    @property
    def stamped(self) -> bool:
        """Whether IMOD's flags are valid."""
        return bool(self.imod["stamp"] == _STAMP)

    def set_dtype(self, dtype: np.dtype[Any]) -> None:
        """Set the mode, and with it IMOD's flag for signed bytes; the statistics become unknown."""
        self.fields["mode"] = _MODES[dtype.name]
        if self.stamped and dtype.itemsize == 1:
            self.imod["flags"] = self.imod["flags"] & ~_SIGNED | (_SIGNED if dtype == np.int8 else 0)
        for field, unknown in {"dmin": 0, "dmax": -1, "dmean": -2, "rms": -1}.items():
            self.fields[field] = unknown

    def set_machine_stamp(self) -> None:
        """Set the machine stamp if it says nothing of the byte order, or the opposite: other readers rely on it."""
        order: Order = "<" if self.fields.dtype["nx"].newbyteorder("<") == self.fields.dtype["nx"] else ">"
        if _ORDERS.get(bytes(self._data[_STAMP_AT])) != order:
            self._data[_STAMP_AT] = _MACHINE_STAMPS[order]

    @property
    def pixel_size(self) -> PixelSize | None:
        """The size of the cell divided by its intervals, whatever part of the cell the image is."""
        sizes = {}
        for axis in "ZYX":
            cell, intervals = float(self.fields["cella"][axis.lower()]), int(self.fields[f"m{axis.lower()}"])
            if intervals > 0 and cell > 0 and math.isfinite(cell):
                sizes[axis] = float(f"{cell / intervals:.7g}")
        return PixelSize(sizes, "Å") if {"Y", "X"} <= set(sizes) else None

    @property
    def origin_sign(self) -> int:
        """1 if the origin is the position of the first pixel, −1 if it is subtracted from positions, as IMOD does."""
        standard = self.fields["nversion"] >= 20140 or not self.stamped or self._flag(_ORIGIN_AS_STANDARD)
        return 1 if standard else -1

    @property
    def extended_type(self) -> str:
        """The kind of the extended header; empty if the header does not say."""
        return bytes(self.fields["exttyp"]).decode("ascii", "replace").strip(" \0")

    @property
    def annotations(self) -> tuple[str, ...]:
        """What it says beside pixels, axes and pixel size, as in ``Style.annotations``."""
        fields = self.fields
        angles = {round(float(fields["cellb"][name]), 3) for name in ("alpha", "beta", "gamma")}
        count = self.label_count
        found = {
            f"{count} label{'s' if count > 1 else ''}": count,
            "origin": any(float(fields["origin"][axis]) for axis in "xyz"),
            "start in a larger volume": any(int(fields[f"n{axis}start"]) for axis in "xyz"),
            "cell larger than the image": any(
                side in "YX" and int(fields[f"m{side.lower()}"]) > size
                for side, size in zip(self.layout.stored, self.shape, strict=True)
            ),
            "cell angles": angles - {0.0, 90.0},
            f"space group {int(fields['ispg'])}": int(fields["ispg"]) not in (0, 1, 401),
            self._extended_in_words: fields["nsymbt"] > 0,
        }
        return tuple(text for text, given in found.items() if given)

    @property
    def label_count(self) -> int:
        """The number of labels up to the last with a text: what the header counts (nlabl) may be wrong."""
        written = [number for number, label in enumerate(self.fields["label"], 1) if bytes(label).strip(b" \0")]
        return max(written, default=0)

    def bytes_per_section(self, extended: bytes) -> int | None:
        """The bytes of each section in an extended header; None if that is not known."""
        kind, integers, reals = self.extended_type, int(self.imod["integers"]), int(self.imod["reals"])
        sized = {
            "SERI": integers,
            # FEI's early files count bytes in place of integers
            "AGAR": 4 * reals if (integers, reals) == (128, 32) else 4 * (integers + reals),
        }
        if kind in ("FEI1", "FEI2") and len(extended) >= 4:
            sized[kind] = int(np.frombuffer(extended, self.fields.dtype["nx"], 1)[0])
        size = sized.get(kind, 0)
        return size if 0 < size * int(self.fields["nz"]) <= len(extended) else None

    @property
    def _extended_in_words(self) -> str:
        kind = self.extended_type
        words = "data of each section" if kind in _PER_SECTION else "symmetry" if kind in WHOLE else "more data"
        return f"{words} (extended header{f' {kind}' if kind else ''})"

    @property
    def _stacks_volumes(self) -> bool:
        return bool(401 <= self.fields["ispg"] <= 630)

    def _flag(self, flag: int) -> bool:
        return self.stamped and bool(self.imod["flags"] & flag)

    def _numbers(self, name: str) -> tuple[int, int, int]:
        ends = "crs" if name == "map" else "xyz"
        columns, rows, sections = (int(self.fields[name + end]) for end in ends)
        return columns, rows, sections


def blank(layout: Layout, shape: tuple[int, ...]) -> Header:
    """The header of a new image of two to four dimensions: of a section, a stack of them, a volume, or volumes."""
    stamp = _MACHINE_STAMPS["<" if sys.byteorder == "little" else ">"]
    header = Header(bytes(212) + stamp + bytes(LENGTH - 214))
    sizes = dict(zip(layout.stored, shape, strict=True))
    depth = sizes.get("Z", 1)
    values = {
        **dict(zip(("nx", "ny", "nz"), (shape[-1], shape[-2], math.prod(shape[:-2])), strict=True)),
        **dict(zip(("mx", "my", "mz"), (shape[-1], shape[-2], depth), strict=True)),
        **dict(zip(("mapc", "mapr", "maps"), (1, 2, 3), strict=True)),
        "cellb": (90.0, 90.0, 90.0),
        "ispg": 401 if layout.stored == "TZYX" else 1 if "Z" in sizes else 0,
        "map": b"MAP ",
        "nversion": 20141,
    }
    for name, value in values.items():
        header.fields[name] = value
    return header


def _byte_order(data: bytes) -> Order:
    """As the machine stamp says, unless the fields only make sense in the other; without a stamp, see ``_smaller``."""
    said = _ORDERS.get(bytes(data[_STAMP_AT])) or _smaller(data)
    other: Order = ">" if said == "<" else "<"
    return other if _makes_sense(data, other) and not _makes_sense(data, said) else said


def _smaller(data: bytes) -> Order:
    """The byte order in which the image is smaller."""
    return "<" if int.from_bytes(data[:4], "little") <= int.from_bytes(data[:4], "big") else ">"


def _makes_sense(data: bytes, order: Order) -> bool:
    """Whether the mode and the axis of columns are such as files have: both are small numbers."""
    mode, columns = (int(np.frombuffer(data, f"{order}i4", 1, at)[0]) for at in (12, 64))
    return 0 <= mode <= FOUR_BITS and 0 <= columns <= 3
