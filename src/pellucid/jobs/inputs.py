"""The images of a job as they were found when it was begun: what vanishes or changes from then on is no pixel of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pellucid.images import Image
from pellucid.images.atomic import replacing
from pellucid.images.manifest import Manifest
from pellucid.report import terminal

_INPUTS = "inputs.npz"
"""Where a job's folder keeps it, for processes on other machines and for those that go on with the job."""


def find(folder: Path, images: Sequence[Image]) -> None:
    """List what the images consist of, keep it in the job's folder, and hold them to it.

    Raises:
        InputError: an image cannot be listed.
        RunError: the disk is full.
    """
    for image in images:
        image.known = image.manifest()
    keep(folder, images)


def tell_of_missing(images: Iterable[Image]) -> None:
    """Say how many chunks have no file: if all of them are by design, only who made the image knows."""
    for image in images:
        missing, chunks = image.missing_chunks() or (0, 0)
        if missing:
            terminal.say(f"{image.path}: {missing:,} of {chunks:,} chunks are missing: they read as the fill value")


def keep(folder: Path, images: Sequence[Image]) -> None:
    """Keep what the images are held to."""
    found = [image.known or Manifest() for image in images]
    told = np.array([(one.files, one.bytes, one.newest, one.chunks) for one in found], np.int64)
    with replacing(folder / _INPUTS, overwrite=True) as path:
        np.savez_compressed(path, told=told, present=np.concatenate([one.present for one in found]))


def hold(folder: Path, images: Sequence[Image]) -> None:
    """Let nothing be read of some images but what was found when the job in a folder was begun."""
    with np.load(folder / _INPUTS) as kept:
        told, present = kept["told"], kept["present"]
    ends = np.cumsum([-(-int(chunks) // 8) for *_, chunks in told])
    for image, row, bits in zip(images, told, np.split(present, ends[:-1]), strict=True):
        files, size, newest, chunks = map(int, row)
        image.known = Manifest(files, size, newest, chunks, bits)
