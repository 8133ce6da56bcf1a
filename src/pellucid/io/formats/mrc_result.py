"""The header of an MRC file to be written: that of the input as far as it still holds, or a new one."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pellucid.io.formats.mrc_header import FOUR_BITS, LABELS, UPWARDS, WHOLE, Header, MrcStyle, blank
from pellucid.io.layout import Layout
from pellucid.io.output_spec import OutputSpec

_LABEL = 80
_NO_BYTES = "MRC has no unsigned 8-bit mode: stored as uint16 (mode 6), values unchanged"
_NO_FOUR_BITS = "4-bit pixels (mode 101) are stored as bytes, values unchanged"
_UPWARDS = "rows go upwards in MRC: IMOD and Fiji show the result upside down"
_NO_TIME = "MRC has no time axis: the planes are stored as sections"


@dataclass
class Result:
    """The headers of a file to be written.

    Attributes:
        header: All fields but the statistics.
        layout: The axes as stored, those of the output.
        extended: The extended header.
        notes: What is not kept, and what is stored in another way.
    """

    header: Header
    layout: Layout
    extended: bytes = b""
    notes: list[str] = field(default_factory=list)


@np.errstate(all="ignore")  # numbers of damaged headers may be anything
def describe(spec: OutputSpec) -> Result:
    """The headers for an output.

    Of an MRC input, all is kept. If a part of the image is written, its start and its origin in the volume move, and of
    the extended header the data of its sections are kept.
    """
    result = _of_input(spec) or _new(spec)
    stored = _stored(spec, result.header)
    if stored != spec.dtype:
        result.notes.append(_NO_BYTES)
    elif result.header.fields["mode"] == FOUR_BITS and stored == np.uint8:
        result.notes.append(_NO_FOUR_BITS)
    result.header.set_dtype(stored)
    _set_pixel_size(result.header, spec)
    if spec.history:
        _add_label(result, spec.history)
    result.header.fields["nsymbt"] = len(result.extended)
    result.header.set_machine_stamp()
    return result


def _stored(spec: OutputSpec, header: Header) -> np.dtype[Any]:
    """The pixel type; unsigned bytes remain bytes only in files whose flag tells that they are unsigned."""
    bytes_are_kept = header.stamped and (header.unsigned or header.fields["mode"] == FOUR_BITS)
    return np.dtype(np.uint16) if spec.dtype == np.uint8 and not bytes_are_kept else spec.dtype


def _new(spec: OutputSpec) -> Result:
    notes = [_NO_TIME] if spec.axes == "TYX" else []
    if not isinstance(spec.style, MrcStyle):
        notes += [] if UPWARDS in spec.style.annotations else [_UPWARDS]
    elif annotations := Header(spec.style.header).annotations:
        notes.append(f"not kept, as the axes are others: {', '.join(annotations)}")
    layout = Layout(spec.axes)
    return Result(blank(layout, spec.shape), layout, notes=notes)


def _of_input(spec: OutputSpec) -> Result | None:
    """The headers of an MRC input, with the sizes of the output; None if its axes are others."""
    if not isinstance(spec.style, MrcStyle):
        return None
    header = Header(spec.style.header)
    if header.layout.axes != spec.axes:
        return None
    result = Result(header, header.layout, spec.style.extended)
    sizes = dict(zip(header.layout.stored, header.shape, strict=True))
    if sizes != spec.sizes:
        _cut_sections(result, spec)
        for number, axis in enumerate(header.letters):
            if axis in sizes:
                _move(result, axis, "xyz"[number], spec)
                _shrink(header, axis, sizes[axis], spec.sizes[axis])
        _set_sizes(header, result.layout.stored_shape(spec.sizes))
    return result


def _cut_sections(result: Result, spec: OutputSpec) -> None:
    """Keep the data of the sections that are written, at the length of before; the rest is zero."""
    header, extended = result.header, result.extended
    leading, counts = header.layout.stored[:-2], header.shape[:-2]
    kept = tuple(slice(spec.offset.get(axis, 0), spec.offset.get(axis, 0) + spec.sizes[axis]) for axis in leading)
    if not extended or header.extended_type in WHOLE or counts == tuple(spec.sizes[axis] for axis in leading):
        return
    size = header.bytes_per_section(extended)
    if size is None:
        kind = header.extended_type or "unknown type"
        result.notes.append(
            f"not kept: the extended header ({kind}), which does not tell what of it belongs to these sections"
        )
        result.extended, header.fields["exttyp"] = b"", b""
        return
    sections = np.frombuffer(extended, np.uint8, size * int(header.fields["nz"])).reshape(*counts, size)
    result.extended = sections[kept].tobytes().ljust(len(extended), b"\0")


def _move(result: Result, axis: str, place: str, spec: OutputSpec) -> None:
    """Move the start, in pixels, along columns, rows or sections, and the origin, in ångström, along X, Y or Z.

    A file without an origin gets none, unless it is IMOD's, which ignores the start.
    """
    fields, offset = result.header.fields, spec.offset.get(axis, 0)
    fields[f"n{place}start"] += offset
    has_origin = result.header.stamped or any(float(fields["origin"][each]) for each in "xyz")
    if not offset or not has_origin:
        return
    size = result.header.pixel_size
    if size is None or axis not in size.values:
        result.notes.append(f"not kept: the origin along {axis}, as the pixel size is not known")
        fields["origin"][axis.lower()] = 0
        return
    fields["origin"][axis.lower()] += result.header.origin_sign * offset * size.values[axis]


def _shrink(header: Header, axis: str, before: int, now: int) -> None:
    """Adjust the cell if it was the image; if the image was only a part of it, it stays."""
    intervals, cell = f"m{axis.lower()}", header.fields["cella"]
    if header.fields[intervals] == before:
        header.fields[intervals] = now
        cell[axis.lower()] *= now / before


def _set_sizes(header: Header, shape: tuple[int, ...]) -> None:
    *leading, rows, columns = shape
    for name, size in {"nx": columns, "ny": rows, "nz": math.prod(leading)}.items():
        header.fields[name] = size


def _set_pixel_size(header: Header, spec: OutputSpec) -> None:
    """Write the pixel size if the header does not say the same already."""
    known = header.pixel_size
    if spec.pixel_size is None or (known and known.along(spec.axes) == spec.pixel_size):
        return
    for axis, size in spec.pixel_size.to("Å").values.items():
        intervals = f"m{axis.lower()}"
        if header.fields[intervals] < 1:
            header.fields[intervals] = spec.sizes.get(axis, 1)
        header.fields["cella"][axis.lower()] = size * int(header.fields[intervals])


def _add_label(result: Result, text: str) -> None:
    """Add a label; the last of ten is replaced, as IMOD does."""
    fields, count = result.header.fields, result.header.label_count
    if count == LABELS:
        count -= 1
        replaced = bytes(fields["label"][count]).decode("ascii", "replace").strip()
        result.notes.append(f'not kept: the last of ten labels, "{replaced}", whose place the history takes')
    fields["label"][count] = text.encode("ascii", "replace")[:_LABEL].ljust(_LABEL)
    fields["nlabl"] = count + 1
