"""The state of a job's input images when the job began, to detect files that disappear or change later."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from pellucid.files import replacing
from pellucid.io.image import Image
from pellucid.io.manifest import Manifest
from pellucid.report import terminal

_INPUTS = "inputs.npz"
"""File in the job's folder that holds the manifests of the images, for processes on other machines and for resuming."""


def find(folder: Path, images: Sequence[Image]) -> None:
    """Take the manifests of the images, and save them in the job's folder.

    Raises:
        InputError: an image cannot be listed.
        RunError: the disk is full.
    """
    for image in images:
        image.known = image.manifest()
    keep(folder, images)


def tell_of_missing(images: Iterable[Image]) -> None:
    """Report how many chunks have no file; only the creator of an image knows whether that is intended."""
    for image in images:
        missing, chunks = image.missing_chunks() or (0, 0)
        if missing:
            terminal.say(f"{image.path}: {missing:,} of {chunks:,} chunks are missing: they read as the fill value")


def keep(folder: Path, images: Sequence[Image]) -> None:
    """Save the manifests that later reads of the images are checked against."""
    found = [image.known or Manifest() for image in images]
    told = np.array([(one.files, one.bytes, one.newest, one.chunks) for one in found], np.int64)
    with replacing(folder / _INPUTS, overwrite=True) as path:
        np.savez_compressed(path, told=told, present=np.concatenate([one.present for one in found]))


def hold(folder: Path, images: Sequence[Image]) -> None:
    """Load the saved manifests; from then on, reads of the images are checked against them."""
    with np.load(folder / _INPUTS) as kept:
        told, present = kept["told"], kept["present"]
    ends = np.cumsum([-(-int(chunks) // 8) for *_, chunks in told])
    for image, row, bits in zip(images, told, np.split(present, ends[:-1]), strict=True):
        files, size, newest, chunks = map(int, row)
        image.known = Manifest(files, size, newest, chunks, bits)
