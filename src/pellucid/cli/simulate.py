"""`pellucid simulate`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.cli.options import Range
from pellucid.data.output_paths import output_paths, refuse_existing, refuse_unsafe
from pellucid.data.source import open_source
from pellucid.errors import InputError
from pellucid.io.image import Plane, check_finite
from pellucid.io.layout import Array
from pellucid.io.writing import create_image
from pellucid.report import terminal
from pellucid.report.source_remarks import show_source_remarks
from pellucid.simulation.noise import simulate as add_noise
from pellucid.simulation.noise.registry import find
from pellucid.version import __version__


def simulate(
    input_: str,
    output: Path,
    *,
    noise: str = "film",
    strength: float | None = None,
    seed: int = 0,
    intensity_range: Range = None,
    captured: str | None = None,
    how: str = "multiply",
    overwrite: bool = False,
) -> None:
    """Add noise to clean images, to test methods with a known truth.

    Parameters
    ----------
    input_
        Clean image, folder or glob.
    output
        File for a single image, otherwise a folder.
    noise
        film, charge, gaussian, poisson, poisson_gaussian, speckle, salt_and_pepper, line, or captured.
    strength
        Strength of the noise; the default gives about 19 dB on typical tissue.
    seed
        Seed of the first plane; each further plane has the next number.
    intensity_range
        Intensities of black and white, as in `--intensity-range 0 4095`; by default the range of the pixel type, for
        floats 0 to 1.
    captured
        With --noise captured: images of noise alone, as in `--captured blank/`.
    how
        With --noise captured: "multiply" (clean · noise / 255, as in the paper) or "add" (the noise without its
        mean, times --strength).
    overwrite
        Replace files that exist.
    """
    source = open_source(input_)
    show_source_remarks(source)
    targets = output_paths(source, output)
    refuse_unsafe(targets, source)
    if not overwrite:
        refuse_existing(targets)
    options = _options(noise, captured, how)
    seeds = count(seed)
    history = f"noise added with Pellucid {__version__}: {noise}, strength {strength or 'default'}, seed {seed}"
    with terminal.progress_over(list(zip(source.images, targets, strict=True)), "simulating") as pairs:
        for image, target in pairs:
            with create_image(target, image, overwrite=overwrite, history=history) as writer:
                for index, plane in enumerate(image.planes):
                    pixels, bar = _read(plane)
                    with _naming(plane.name):
                        noisy = add_noise(pixels, noise, strength, next(seeds), data_range=intensity_range, **options)
                    writer.write(index, np.where(bar, pixels, noisy))
    terminal.say(f"{len(targets)} image{'s' * (len(targets) != 1)} with {noise} noise written to {output}")


def _read(plane: Plane) -> tuple[Array, Array]:
    """Return the pixels of a plane, and where its data bar is, which gets no noise."""
    pixels = plane.read()
    check_finite(plane.name, pixels)
    return np.ma.getdata(pixels), np.ma.getmaskarray(pixels)


@contextmanager
def _naming(plane: str) -> Iterator[None]:
    try:
        yield
    except InputError as problem:
        raise InputError(f"{plane}: {problem}") from None


def _options(noise: str, captured: str | None, how: str) -> dict[str, Any]:
    """Return what the noise model takes besides its strength."""
    find(noise)  # refuses an unknown name before any file is written
    if (noise == "captured") != (captured is not None):
        raise InputError("--noise captured and --captured IMAGES (images of noise alone) go together: give both")
    if captured is None:
        return {}
    return {"noise_images": [plane.read() for plane in open_source(captured).planes], "how": how}
