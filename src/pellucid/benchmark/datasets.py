"""The datasets of a benchmark: where their images come from.

A dataset has clean and noisy images. The noisy images are the clean ones with noise, so that the truth is known, or
real images of another place, which can only be judged by eye. Datasets are

- built in: `phantom-NOISE`, made-up tissue with any simulated noise;
- folders of your own, `FOLDER/` for one dataset or `FOLDER/NAME/` for each of several, with `clean/` and
    - nothing else: noise is simulated (`NAME-film`, `NAME-charge`, ...); with `noise/` (images of noise alone, at least
      as large as the clean ones), `NAME-captured` is clean · noise / 255; with a PSNR, clean plus as much of the noise
      less its mean, and smaller noise images go on mirrored;
    - `simulated/`: noisy versions of the clean images, of the same names or in the same order;
    - `noisy/`: versions of the clean images if all have the same names and sizes and show the same scene, else real
      noisy images of another place;
  and `noise/` in each of them, for methods that learn from images of noise alone;
- the published data, in `FOLDER`: the datasets of `PUBLISHED`.
"""

from __future__ import annotations

import math
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
"""The datasets if no folder of images is given."""

LAYOUTS = (
    "FOLDER/clean and FOLDER/noisy (or simulated/, or neither: noise is simulated), the same in FOLDER/NAME/ for "
    "several datasets, or the published data (simulated_image/)"
)
"""What a folder of images may hold, for messages."""


class _Published(NamedTuple):
    clean: tuple[str, ...]
    """Folder names; the first that exists is used."""
    noisy: str
    real: bool


PUBLISHED: dict[str, _Published] = {
    "tem-charge": _Published(("tem_zb", "tem"), "simulated_image/tem_charge_noise", real=False),
    "tem-film": _Published(("tem_dr5", "tem"), "simulated_image/tem_film_noise", real=False),
    "sem": _Published(("tem_zb", "tem"), "sem", real=True),
    "tem-ppc": _Published(("tem_dr5", "tem"), "tem_ppc", real=True),
}
"""Table 1 of Lee and Jeong (2021), by the names of the published folders; never tried on the data themselves."""


@dataclass(frozen=True)
class PhantomSize:
    """The number of phantom images, and their side in pixels."""

    images: int = 8
    side: int = 256


@dataclass(frozen=True)
class Dataset:
    """Where the images of a dataset come from.

    Attributes:
        name: the name in tables: that in `--datasets`, and the PSNR if one is given, as in phantom-film-19dB.
        clean: folder of the clean images; None for the phantom.
        noisy: folder of noisy images; None if they are simulated.
        real: whether the noisy images show another place than the clean ones.
        noise: folder of images of noise alone, if there is one.
        simulator: name of the noise to simulate; "captured" uses the images of `noise`.
        psnr: mean PSNR of the simulated noisy images, in dB; None: the simulator's default strength.
        phantom: size of the phantom, if it is one.
    """

    name: str
    clean: Path | None = None
    noisy: Path | None = None
    real: bool = False
    noise: Path | None = None
    simulator: str | None = None
    psnr: float | None = None
    phantom: PhantomSize = field(default_factory=PhantomSize)


def find_datasets(
    names: Sequence[str] | None, data: Path | None, psnr: float | None = None, phantom: PhantomSize | None = None
) -> list[Dataset]:
    """Return the datasets of these names; without names, all in the folder, or the phantom if there is no folder.

    Args:
        names: see the head of this module.
        data: folder of your own or of the published data.
        psnr: mean PSNR of simulated noisy images, in dB.
        phantom: size of the phantom.

    Raises:
        InputError: the folder has none of the layouts, none of the names is in it, or a name is unknown.
    """
    if data is None:
        return [find_dataset(name, None, psnr, phantom) for name in dict.fromkeys(names or DEFAULT)]
    own = _own_names(data)
    if not own:
        state = "has no dataset in it" if data.is_dir() else "is not a folder"
        raise InputError(f"--data {data}: {state}. Give {LAYOUTS}")
    datasets = [find_dataset(name, data, psnr, phantom) for name in dict.fromkeys(names or own)]
    if all(dataset.clean is None for dataset in datasets):
        asked = ", ".join(dataset.name for dataset in datasets)
        raise InputError(f"--data {data}: none of --datasets {asked} is in it; it has {', '.join(own)}")
    return datasets


def find_dataset(
    name: str, data: Path | None, psnr: float | None = None, phantom: PhantomSize | None = None
) -> Dataset:
    """Return the dataset of that name; arguments as for `find_datasets`.

    Raises:
        InputError: there is no such dataset; the message lists similar names.
    """
    stem, _, noise = name.rpartition("-")
    if stem == PHANTOM and noise in SIMULATORS and noise != "captured":
        return Dataset(_with_psnr(name, psnr), simulator=noise, psnr=psnr, phantom=phantom or PhantomSize())
    if data is not None and (data / "simulated_image").is_dir():
        return _published(name, data)
    sets = _data_sets(data) if data is not None else {}
    if name in sets:
        return _own(name, sets[name])
    if stem in sets and noise in SIMULATORS:
        return _simulated(name, sets[stem], noise, psnr)
    known = _known(data)
    raise InputError(
        f"unknown dataset {name!r}: {nearest(name, known)}" + ("" if data else " (for your own images, give --data)")
    )


def _data_sets(data: Path) -> dict[str, Path]:
    """The folders with clean images, by name: the folder itself and its subfolders."""
    folders = [data, *sorted(data.iterdir(), key=natural)] if data.is_dir() else []
    return {folder.resolve().name: folder for folder in folders if (folder / "clean").is_dir()}


def _own_names(data: Path) -> list[str]:
    """The names of the datasets in a folder, each once."""
    if (data / "simulated_image").is_dir():
        return [name for name, entry in PUBLISHED.items() if (data / entry.noisy).is_dir()]
    return [
        name if (folder / "simulated").is_dir() or (folder / "noisy").is_dir() else f"{name}-film"
        for name, folder in _data_sets(data).items()
    ]


def _published(name: str, data: Path) -> Dataset:
    if name not in PUBLISHED:
        raise InputError(f"unknown dataset {name!r}: {nearest(name, _known(data))}")
    entry = PUBLISHED[name]
    clean = next((data / folder for folder in entry.clean if (data / folder).is_dir()), None)
    if clean is None or not (data / entry.noisy).is_dir():
        wanted = f"clean images in {' or '.join(f'{folder}/' for folder in entry.clean)}, noisy ones in {entry.noisy}/"
        raise InputError(f"{data}: dataset {name} needs {wanted}; rename the folders")
    return Dataset(name, clean, data / entry.noisy, entry.real, _folder(data / "noise"))


def _own(name: str, folder: Path) -> Dataset:
    simulated, noisy, noise = (_folder(folder / kind) for kind in ("simulated", "noisy", "noise"))
    if simulated and noisy:
        raise InputError(
            f"{folder}: has simulated/ (noisy versions of clean/) and noisy/ (real images): keep one of them"
        )
    if not simulated and not noisy:
        hint = f"name the noise to simulate, as in --datasets {name}-film"
        raise InputError(f"{folder}: has no noisy images, neither simulated/ nor noisy/: add them, or {hint}")
    if simulated:
        return Dataset(name, folder / "clean", simulated, real=False, noise=noise)
    assert noisy is not None
    paired = are_versions(noisy, folder / "clean")
    versions = "has the names of clean/ and shows the same: the truth of each noisy image is known"
    others = "shows another place than clean/: the truth is not known, so there are figures and no PSNR"
    terminal.say(f"dataset {name}: {noisy} {versions if paired else others}")
    return Dataset(name, folder / "clean", noisy, real=not paired, noise=noise)


def _simulated(name: str, folder: Path, simulator: str, psnr: float | None) -> Dataset:
    noise = _folder(folder / "noise")
    if simulator == "captured" and noise is None:
        raise InputError(f"{folder}: dataset {name} needs images of noise alone in noise/")
    given = noise if simulator == "captured" else None  # other simulators make their own
    return Dataset(_with_psnr(name, psnr), folder / "clean", noise=given, simulator=simulator, psnr=psnr)


def _with_psnr(name: str, psnr: float | None) -> str:
    if psnr is not None and not math.isfinite(psnr):
        raise InputError(f"--psnr {psnr:g}: give a number, such as 19")
    return name if psnr is None else f"{name}-{psnr:g}dB"


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
