"""The data sets of a benchmark: where their images come from, before they are laid out alike.

A case has clean images and noisy ones. The noisy ones are the clean ones with noise, so that the truth is known, or
real ones of something else, which can only be looked at. Where cases come from:

- built in: `phantom-NOISE`, tissue with any simulated noise;
- a folder of one's own, `FOLDER/` for one data set or `FOLDER/NAME/` for each of several, with `clean/` and
    - nothing more: noise is simulated, `NAME-film`, `NAME-charge`, ...; with `noise/` (images of noise alone, at least
      as large as the clean ones) `NAME-captured` puts that on, clean · noise / 255;
    - `simulated/`: noisy versions of the clean images, of the same names or in the same order;
    - `noisy/`: versions of the clean images if all have the same names and sizes and show the same, else real noisy
      images of something else;
  and `noise/` in each of them, for methods that learn from noise alone;
- the published data, in `FOLDER`: the cases in `PUBLISHED`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from pellucid.benchmark.pairing import are_versions
from pellucid.errors import InputError, nearest
from pellucid.io.natural_order import natural
from pellucid.report import terminal
from pellucid.simulation.noise import SIMULATORS

PHANTOM = "phantom"
DEFAULT = (f"{PHANTOM}-film",)
"""Without a folder of images."""

LAYOUTS = (
    "FOLDER/clean and FOLDER/noisy (or simulated/, or neither: noise is simulated), the same in FOLDER/NAME/ for "
    "several data sets, or the published data (simulated_image/)"
)
"""Of a folder of images, for messages."""


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


def find_cases(
    names: Sequence[str] | None, data: Path | None, psnr: float | None = None, phantom: PhantomSize | None = None
) -> list[Case]:
    """The cases of these names; without any, all that the folder has, or the phantom without a folder.

    Args:
        names: as the module's text says.
        data: folder of one's own or of the published data.
        psnr: of simulated noise.
        phantom: how much tissue.

    Raises:
        InputError: the folder is of none of the layouts or no case is of it, or there is no case of a name.
    """
    if data is None:
        return [find_case(name, None, psnr, phantom) for name in dict.fromkeys(names or DEFAULT)]
    own = _own_names(data)
    if not own:
        state = "has no data set in it" if data.is_dir() else "is no folder"
        raise InputError(f"--data {data}: {state}. It takes {LAYOUTS}")
    cases = [find_case(name, data, psnr, phantom) for name in dict.fromkeys(names or own)]
    if all(case.clean is None for case in cases):
        asked = ", ".join(case.name for case in cases)
        raise InputError(f"--data {data}: no case of it is asked for ({asked}); it has {', '.join(own)}")
    return cases


def find_case(name: str, data: Path | None, psnr: float | None = None, phantom: PhantomSize | None = None) -> Case:
    """The case of that name; arguments as for `find_cases`.

    Raises:
        InputError: there is no such case; what there is, is named.
    """
    stem, _, noise = name.rpartition("-")
    if stem == PHANTOM and noise in SIMULATORS and noise != "captured":
        return Case(name, simulator=noise, psnr=psnr, phantom=phantom or PhantomSize())
    if data is not None and (data / "simulated_image").is_dir():
        return _published(name, data)
    sets = _data_sets(data) if data is not None else {}
    if name in sets:
        return _own(name, sets[name])
    if stem in sets and noise in SIMULATORS:
        return _simulated(name, sets[stem], noise, psnr)
    known = _known(data)
    raise InputError(f"unknown case {name!r}: {nearest(name, known)}" + ("" if data else " (your own: give --data)"))


def _data_sets(data: Path) -> dict[str, Path]:
    """The folders with clean images, by name: the folder itself, and those in it."""
    folders = [data, *sorted(data.iterdir(), key=natural)] if data.is_dir() else []
    return {folder.resolve().name: folder for folder in folders if (folder / "clean").is_dir()}


def _own_names(data: Path) -> list[str]:
    """The cases of a folder, each data set once."""
    if (data / "simulated_image").is_dir():
        return [name for name, entry in PUBLISHED.items() if (data / entry.noisy).is_dir()]
    return [
        name if (folder / "simulated").is_dir() or (folder / "noisy").is_dir() else f"{name}-film"
        for name, folder in _data_sets(data).items()
    ]


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
    if simulated:
        return Case(name, folder / "clean", simulated, real=False, noise=noise)
    assert noisy is not None
    paired = are_versions(noisy, folder / "clean")
    versions = "has the names of clean/ and shows the same: each noisy image has its truth"
    others = "shows other things than clean/: no truth is known, so there are pictures and no PSNR"
    terminal.say(f"case {name}: {noisy} {versions if paired else others}")
    return Case(name, folder / "clean", noisy, real=not paired, noise=noise)


def _simulated(name: str, folder: Path, simulator: str, psnr: float | None) -> Case:
    noise = _folder(folder / "noise")
    if simulator == "captured" and noise is None:
        raise InputError(f"{folder}: case {name} needs images of noise alone in noise/")
    if simulator == "captured" and psnr is not None:
        raise InputError(f"case {name}: captured noise is taken as it is: leave --psnr out")
    return Case(name, folder / "clean", noise=noise, simulator=simulator, psnr=psnr)


def _known(data: Path | None) -> list[str]:
    own: list[str] = []
    if data is not None and (data / "simulated_image").is_dir():
        own = list(PUBLISHED)
    elif data is not None:
        for name in _own_names(data):
            own += [name, f"{name.removesuffix('-film')}-charge"] if name.endswith("-film") else [name]
    return [*own, f"{PHANTOM}-film", f"{PHANTOM}-charge"]


def _folder(path: Path) -> Path | None:
    return path if path.is_dir() else None
