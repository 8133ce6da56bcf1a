"""The noise models by name, and their application to images of any dtype."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pellucid.errors import InputError, nearest
from pellucid.simulation.noise import classics
from pellucid.simulation.noise.captured import blend
from pellucid.simulation.noise.charge import charge
from pellucid.simulation.noise.film import film
from pellucid.simulation.noise.levels import GreyLevels, Pixels, Range, from_intensity, intensity_range, to_intensity
from pellucid.simulation.phantom.fields import stream


@dataclass(frozen=True)
class Simulator:
    """A noise model.

    Attributes:
        apply: from (plane of intensities (Y, X), random generator, strength, options by name) to a noisy plane.
        strength: the default: typical tissue (mean 130 to 150 of 255) at about 19 dB, except for captured noise.
        meaning: the meaning of the strength.
        highest: the largest possible strength.
    """

    apply: Callable[..., Pixels]
    strength: float
    meaning: str
    highest: float = np.inf

    @property
    def options(self) -> tuple[str, ...]:
        """Names of the options that `apply` takes."""
        return tuple(inspect.signature(self.apply).parameters)[3:]


SIMULATORS: dict[str, Simulator] = {
    "film": Simulator(film, 6.7, "1 is the measured film; above, the dose falls and shot noise grows by this factor"),
    "charge": Simulator(charge, 3.0, "depth of the charging; 1 is the measured one"),
    "captured": Simulator(blend, 1.0, "share of the captured noise; 1 is as it was recorded"),
    "gaussian": Simulator(classics.gaussian, 0.11, "standard deviation, white = 1"),
    "poisson": Simulator(classics.poisson, 0.15, "standard deviation at white, white = 1"),
    "poisson_gaussian": Simulator(
        classics.poisson_gaussian,
        0.125,
        "standard deviation of shot noise at white, white = 1; readout noise has half of it",
    ),
    "speckle": Simulator(classics.speckle, 0.20, "relative standard deviation"),
    "salt_and_pepper": Simulator(classics.salt_and_pepper, 0.045, "fraction of pixels replaced", highest=1.0),
    "line": Simulator(classics.line, 0.11, "standard deviation of a line's offset, white = 1"),
}


def simulate(
    clean: GreyLevels,
    kind: str,
    strength: float | None = None,
    seed: int = 0,
    *,
    data_range: Range | None = None,
    **options: Any,
) -> GreyLevels:
    """A noisy version of `clean`; the noise of plane k of a stack depends only on (seed, k).

    Args:
        clean: (Y, X) or (Z, Y, X), integers or floats.
        kind: a name in `SIMULATORS`.
        strength: 0 returns `clean`; None is the kind's default.
        seed: 0 to 2⁶⁴ − 1.
        data_range: black and white level; by default the range of an integer dtype, or (0, 1) for floats.
        options: of the kind, such as `dirt` for film, `objects` for charge, `noise_images` and `how` for captured.

    Returns:
        Array of the shape and dtype of `clean`; integers are rounded half to even and clipped to their range.

    Raises:
        InputError: an unknown kind or option, an impossible strength, seed, shape, dtype or data range.
    """
    simulator = find(kind)
    _check_options(kind, simulator, options)
    clean = np.asarray(clean)
    if clean.ndim not in (2, 3) or clean.size == 0:
        raise InputError(f"cannot add noise to an image of shape {clean.shape}: give (Y, X) or (Z, Y, X)")
    chosen = simulator.strength if strength is None else float(strength)
    if not 0 <= chosen <= simulator.highest or chosen == np.inf:
        raise InputError(f"strength {chosen:g} of {kind} noise: give a number from 0 to {simulator.highest:g}")
    if not 0 <= seed < 2**64:
        raise InputError(f"seed {seed} is out of range: give a whole number from 0 to 2**64 - 1")
    levels = intensity_range(clean, data_range)
    if chosen == 0:
        return clean.copy()
    out = np.empty_like(clean)
    planes = [(clean, out)] if clean.ndim == 2 else list(zip(clean, out, strict=True))
    for index, (plane, target) in enumerate(planes):
        noisy = simulator.apply(to_intensity(plane, levels), stream(seed, kind, index), chosen, **options)
        target[...] = from_intensity(noisy, levels, clean.dtype)
    return out


def find(kind: str) -> Simulator:
    """The noise model of that name.

    Raises:
        InputError: there is none; the nearest name is given.
    """
    if kind in SIMULATORS:
        return SIMULATORS[kind]
    raise InputError(f"unknown noise {kind!r}: {nearest(kind, SIMULATORS)}")


def _check_options(kind: str, simulator: Simulator, options: dict[str, Any]) -> None:
    for name in options:
        if name not in simulator.options:
            known = ", ".join(simulator.options) or "none"
            raise InputError(f"{kind} noise has no option {name!r}; its options: {known}")
    if kind == "captured" and "noise_images" not in options:
        raise InputError("captured noise needs noise_images: images of noise alone, larger than the clean image")
