"""The bytes by which files of a format are recognised, whatever their name."""

from __future__ import annotations

import re
from pathlib import Path


def _begins(*patterns: bytes) -> re.Pattern[bytes]:
    return re.compile(b"|".join(patterns), re.DOTALL)


#: By the name of the format; formats that cannot be told by their bytes are missing.
SIGNATURES = {
    "TIFF": _begins(rb"II[*+]\0", rb"MM\0[*+]"),
    "HDF5": _begins(rb"(.{512})?\x89HDF\r\n\x1a\n"),
    "PNG": _begins(rb"\x89PNG\r\n\x1a\n"),
    "JPEG": _begins(rb"\xff\xd8\xff"),
    "NPY": _begins(rb"\x93NUMPY"),
    "MRC": _begins(rb".{208}MAP[ \0]"),
    "SER": _begins(rb"II\x97\x01"),
    "ND2": _begins(rb"\xda\xce\xbe\n"),
    "DigitalMicrograph": _begins(rb"\0{3}\x03.{4}\0{3}[\0\x01]", rb"\0{3}\x04.{8}\0{3}[\0\x01]"),
}
#: Likewise of formats that are not read, by their extension.
UNREAD = {
    ".bmp": _begins(rb"BM.{4}\0{4}"),
    ".gif": _begins(rb"GIF8"),
    ".webp": _begins(rb"RIFF.{4}WEBP"),
    ".avi": _begins(rb"RIFF.{4}AVI "),
    ".jp2": _begins(rb"\0{3}\x0cjP  ", rb"\xff\x4f\xff\x51"),
    ".fits": _begins(rb"SIMPLE  ="),
    ".czi": _begins(rb"ZISRAWFILE"),
    ".heic": _begins(rb".{4}ftyphei"),
    ".mp4": _begins(rb".{4}ftyp"),
}
_ALIKE = {"EMD": "HDF5"}
_MOST = 520


def other_format(file: Path, expected: str) -> str | None:
    """What a file is by its first bytes, if that is not the format it is expected to be.

    Args:
        file: Of any content.
        expected: The name of the format that its name tells, or nothing.

    Returns:
        The name of a format, or the extension of one that is not read; None if it is as expected, or cannot be told.
    """
    with file.open("rb") as opened:
        start = opened.read(_MOST)
    own = SIGNATURES.get(_ALIKE.get(expected, expected))
    if own and own.match(start):
        return None
    return next((name for name, known in {**SIGNATURES, **UNREAD}.items() if known.match(start)), None)
