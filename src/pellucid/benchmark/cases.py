"""The data sets of a benchmark: where their images come from, before they are laid out alike.

A case has clean images and noisy ones. The noisy ones are the clean ones with noise, so that the truth is known, or
real ones of something else, which can only be looked at. Where cases come from:

- built in: `phantom-NOISE`, tissue with any simulated noise;
- a folder of one's own, `FOLDER/NAME/`, with `clean/` and
    - nothing more: noise is simulated, `NAME-film`, `NAME-charge`, ...; with `noise/` (images of noise alone, at least
      as large as the clean ones) `NAME-captured` puts that on, clean · noise / 255;
    - `simulated/`: noisy versions of the clean images, of the same names or in the same order;
    - `noisy/`: real noisy images of something else;
  and `noise/` in each of them, for methods that learn from noise alone;
- the published data, in `FOLDER`: the cases in `PUBLISHED`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pellucid.errors import InputError, nearest
from pellucid.images.order import natural
from pellucid.noise import SIMULATORS

PHANTOM = "phantom"


class _Published(NamedTuple):
    clean: tuple[str, ...]
    """The first of these folders that is there."""
    noisy: str
    real: bool


PUBLISHED: dict[str, _Published] = {
    "tem-charge": _Published(("tem_zb", "tem"), "simulated_image/tem_charge_noise", real=False),
    "tem-film": _Published(("tem_dr5", "tem"), "simulated_image/tem_film_noise", real=False),
    "sem": _Published(("tem_zb", "tem"), "sem", real=True),
    "tem-ppc": _Published(("tem_dr5", "tem"), "tem_ppc", real=True),
}
"""Table 1 of Lee and Jeong (2021), from the names of the published folders; the data themselves were not at hand."""


@dataclass(frozen=True)
class PhantomSize:
    """How much phantom tissue: images and their side in pixels."""

    images: int = 8
    side: int = 256


@dataclass(frozen=True)
class Case:
    """Where a data set comes from.

    Attributes:
        name: of the data set.
        clean: folder of the clean images; None for the phantom.
        noisy: folder of noisy images; None if they are simulated.
        real: whether the noisy images show something else than the clean ones.
        noise: folder of images of noise alone, if there is one.
        simulator: name of the noise to simulate; "captured" takes that of `noise`.
        psnr: of the simulated noisy images in dB, on average; None: the simulator's default strength.
        phantom: how much tissue, if it is the phantom.
    """

    name: str
    clean: Path | None = None
    noisy: Path | None = None
    real: bool = False
    noise: Path | None = None
    simulator: str | None = None
    psnr: float | None = None
    phantom: PhantomSize = field(default_factory=PhantomSize)


def find_case(name: str, data: Path | None, psnr: float | None = None, phantom: PhantomSize | None = None) -> Case:
    """The case of that name.

    Args:
        name: as the module's text says.
        data: folder of one's own or of the published data.
        psnr: of simulated noise.
        phantom: how much tissue.

    Raises:
        InputError: there is no such case; what there is, is named.
    """
    stem, _, noise = name.rpartition("-")
    if stem == PHANTOM and noise in SIMULATORS and noise != "captured":
        return Case(name, simulator=noise, psnr=psnr, phantom=phantom or PhantomSize())
    if data is not None and (data / "simulated_image").is_dir():
        return _published(name, data)
    if data is not None and (data / name / "clean").is_dir():
        return _own(name, data / name)
    if data is not None and stem and noise in SIMULATORS and (data / stem / "clean").is_dir():
        return _simulated(name, data / stem, noise, psnr)
    known = _known(data)
    raise InputError(f"unknown case {name!r}: {nearest(name, known)}" + ("" if data else " (your own: give --data)"))


def _published(name: str, data: Path) -> Case:
    if name not in PUBLISHED:
        raise InputError(f"unknown case {name!r}: {nearest(name, _known(data))}")
    entry = PUBLISHED[name]
    clean = next((data / folder for folder in entry.clean if (data / folder).is_dir()), None)
    if clean is None or not (data / entry.noisy).is_dir():
        wanted = f"clean images in {' or '.join(f'{folder}/' for folder in entry.clean)}, noisy ones in {entry.noisy}/"
        raise InputError(f"{data}: case {name} needs {wanted}; rename the folders so")
    return Case(name, clean, data / entry.noisy, entry.real, _folder(data / "noise"))


def _own(name: str, folder: Path) -> Case:
    simulated, noisy, noise = (_folder(folder / kind) for kind in ("simulated", "noisy", "noise"))
    if simulated and noisy:
        raise InputError(f"{folder}: has simulated/ (noisy versions of clean/) and noisy/ (real ones): keep one")
    if not simulated and not noisy:
        hint = f"name the noise to simulate, as in --cases {name}-film"
        raise InputError(f"{folder}: has no noisy images, neither simulated/ nor noisy/: add them, or {hint}")
    return Case(name, folder / "clean", simulated or noisy, simulated is None, noise)


def _simulated(name: str, folder: Path, simulator: str, psnr: float | None) -> Case:
    noise = _folder(folder / "noise")
    if simulator == "captured" and noise is None:
        raise InputError(f"{folder}: case {name} needs images of noise alone in noise/")
    if simulator == "captured" and psnr is not None:
        raise InputError(f"case {name}: captured noise is taken as it is: leave --psnr away")
    return Case(name, folder / "clean", noise=noise, simulator=simulator, psnr=psnr)


def _known(data: Path | None) -> list[str]:
    own: list[str] = []
    if data is not None and (data / "simulated_image").is_dir():
        own = list(PUBLISHED)
    elif data is not None and data.is_dir():
        for folder in sorted((path for path in data.iterdir() if (path / "clean").is_dir()), key=natural):
            has_noisy = any((folder / kind).is_dir() for kind in ("simulated", "noisy"))
            own += [folder.name] if has_noisy else [f"{folder.name}-film", f"{folder.name}-charge"]
    return [*own, f"{PHANTOM}-film", f"{PHANTOM}-charge"]


def _folder(path: Path) -> Path | None:
    return path if path.is_dir() else None
