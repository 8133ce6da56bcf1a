"""All files that say much beside their pixels, and PNG among them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
from PIL import Image as Pillow
from PIL.PngImagePlugin import PngInfo

from tests.io.formats import (
    matrix_tiff,
    matrix_volumes,
)
from tests.io.formats.matrix_fields import FLAT, Field, Source
from tests.io.formats.matrix_pixels import picture


def _png(path: Path) -> None:
    info, exif = PngInfo(), Pillow.Exif()
    info.add_text("Comment", "EHT = 1.5 kV")
    info.add(b"gAMA", struct.pack(">I", 45455))
    info.add(b"tIME", struct.pack(">H5B", 2024, 5, 1, 10, 11, 12))
    exif[0x0112] = 6
    options = {"pnginfo": info, "exif": exif, "icc_profile": _grey_profile(), "dpi": (5_080_000, 5_080_000)}
    Pillow.fromarray(picture("YX")).save(path, **options)


def _grey_profile() -> bytes:
    """A colour profile of a grey display: a header, no tags, and bytes that cannot be compressed."""
    profile = bytearray(132) + np.random.default_rng(0).bytes(128)
    white = struct.pack(">III", 0xF6D6, 0x10000, 0xD32D)
    told = {0: struct.pack(">I", len(profile)), 8: b"\x02\x10", 12: b"mntrGRAYXYZ ", 36: b"acsp", 68: white}
    for at, value in told.items():
        profile[at : at + len(value)] = value
    return bytes(profile)


def _alpha_png(path: Path) -> None:
    path.write_bytes(imagecodecs.png_encode(np.stack([picture("YX", "uint8")] * 2, -1)))


def _frames_png(path: Path) -> None:
    first, *others = map(Pillow.fromarray, picture("ZYX", "uint8"))
    first.save(path, save_all=True, append_images=others)


def _of_png(read: Callable[[Any], Any], path: Path) -> Any:
    with Pillow.open(path) as file:
        file.load()
        return read(file)


def _chunk(name: bytes, path: Path) -> Any:
    data = path.read_bytes()
    at = data.find(name)
    return data[at + 4 : at + 11] if at > 0 else None


_PNG = (
    Field("texts", partial(_of_png, lambda file: file.text.get("Comment")), "texts"),
    Field("Exif, with the orientation", partial(_of_png, lambda file: file.getexif().get(0x0112)), "Exif"),
    Field("time", partial(_chunk, b"tIME"), "time"),
    Field("gamma", partial(_of_png, lambda file: file.info.get("gamma")), "gamma"),
    Field("colour profile", partial(_of_png, lambda file: file.info.get("icc_profile")), "colour profile"),
)

SOURCES = (
    *matrix_tiff.SOURCES,
    *matrix_volumes.SOURCES,
    Source("PNG", ".png", _png, _PNG, FLAT),
    Source(
        "PNG", ".png", _alpha_png, (Field("alpha", partial(_of_png, lambda f: "A" in f.mode or None), "alpha"),), FLAT
    ),
    Source(
        "PNG",
        ".png",
        _frames_png,
        (Field("frames after the first", partial(_of_png, lambda f: f.n_frames > 1 or None), "the frames after"),),
        FLAT,
    ),
)
