"""The folder of a model: what denoising needs of a run, and what `Model.save` writes.

recipe.toml                 the recipe
model.json                  version of this layout; intensity range and pixel type of each source
structure.json              brightness, contrast, noise and size of structures of each source, to compare others with
provenance.json             version of Pellucid; for a run also names and fingerprints of the data, machine
weights/last.safetensors    the denoiser's weights after the last saved step
weights/average.safetensors their moving average
weights/best.safetensors    those of the best state, if the training was judged (`assessment/keep_best.py`)
weights/*-statistics.safetensors  the moments that the norms of either measured on training patches
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.structure_statistics import StructureStatistics
from pellucid.errors import InputError, PellucidError
from pellucid.files import replacing, write_json, write_text
from pellucid.inference import Statistics, load_statistics, refuse_other, save_statistics
from pellucid.methods import Denoiser, build_denoiser, method_class
from pellucid.recipe import LearningRecipe
from pellucid.version import __version__

V = TypeVar("V")

WEIGHTS = ("best", "last", "average")
"""Names of the weights; not every run has the first."""

FORMAT = 1
"""Version of the layout of the folder; a newer one is refused."""


class StoredModel(NamedTuple):
    """What denoising needs of a run.

    Attributes:
        recipe: recipe of the run.
        weights: name of the weights, "best", "last" or "average".
        denoiser: the denoiser with these weights, in evaluation mode on the CPU.
        intensity_range: intensity range of the noisy images.
        dtype: pixel type of the noisy images; None if any is accepted.
        trained: the moments that the norms measured in training.
        structure: structure statistics of the noisy images; None if they show nothing.
    """

    recipe: LearningRecipe
    weights: str
    denoiser: Denoiser
    intensity_range: IntensityRange
    dtype: np.dtype[Any] | None
    trained: Statistics
    structure: StructureStatistics | None


class ModelFolder:
    """A trained denoiser on disk.

    Raises:
        InputError: the folder is not given as a path.
    """

    def __init__(self, folder: str | Path) -> None:
        if not isinstance(folder, str | Path):
            raise InputError(f"{folder!r} is not a folder; give its path, as in 'run'")
        self.folder = Path(folder)

    def weights(self, which: str) -> Path:
        """Return the path of the denoiser's weights: "best", "last" or "average"."""
        return self.folder / "weights" / f"{which}.safetensors"

    def write_model(
        self,
        recipe: LearningRecipe,
        intensities: Mapping[str, IntensityRange],
        dtypes: Mapping[str, np.dtype[Any] | None],
        provenance: Mapping[str, Any],
    ) -> None:
        """Write everything but the weights and statistics; no dtype means that any is accepted.

        Raises:
            InputError: the folder cannot be written.
            RunError: the disk is full.
        """
        model = {
            "format": FORMAT,
            "intensities": {kind: intensity_range.model_dump() for kind, intensity_range in intensities.items()},
            "dtypes": {kind: dtype.name if dtype is not None else None for kind, dtype in dtypes.items()},
        }
        write_json(self.folder / "provenance.json", provenance)
        write_json(self.folder / "model.json", model)
        write_text(self.folder / "recipe.toml", recipe.to_toml())  # last: it makes the folder that of a run

    def read(self, weights: str | None = None) -> StoredModel:
        """Read everything that denoising needs.

        Args:
            weights: "best", "last" or "average"; by default the best, else as in the recipe.

        Raises:
            InputError: this is not the folder of a run, or a file is missing, damaged or of a newer Pellucid.
        """
        recipe = self.recipe()  # first: it tells whether this is a run at all
        denoiser = build_denoiser(recipe)
        which = weights or self.chosen(recipe)
        self._load_weights(denoiser, which)
        return StoredModel(
            recipe=recipe,
            weights=which,
            denoiser=denoiser,
            intensity_range=self.intensities()["noisy"],
            dtype=self.dtypes()["noisy"],
            trained=self.statistics(denoiser, which),
            structure=self.structure().get("noisy"),
        )

    def recipe(self) -> LearningRecipe:
        """Return the recipe of the run.

        Raises:
            InputError: this is not the folder of a run, or its recipe cannot be understood.
        """
        path = self.folder / "recipe.toml"
        if not path.is_file():
            raise InputError(
                f"{self.folder}: not the folder of a run (no recipe.toml in it); give the --out of `pellucid train`"
            )
        self._model()  # refuses a newer format before its settings are read
        with undamaged(path):
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            method = str(values["method"])
        try:
            recipe_type = method_class(method).recipe_type
        except InputError as problem:
            raise InputError(f"{path}: {problem}") from None
        recipe = recipe_type.from_values(values, path)
        if not isinstance(recipe, LearningRecipe):
            raise InputError(f"{path}: {recipe.name} needs no training, so it cannot be the recipe of a run")
        return recipe

    def provenance(self) -> dict[str, Any]:
        """Return version, data and machine of the run.

        Raises:
            InputError: the file is missing or damaged.
        """
        return self._read_json("provenance.json")

    def intensities(self) -> dict[str, IntensityRange]:
        """Return the intensity range of each source.

        Raises:
            InputError: the file is missing or damaged, or was written by a newer Pellucid.
        """
        model = self._model()
        with undamaged(self.folder / "model.json"):
            return with_noisy({kind: IntensityRange(**values) for kind, values in model["intensities"].items()})

    def dtypes(self) -> dict[str, np.dtype[Any] | None]:
        """Return the pixel type of each source; None if any is accepted.

        Raises:
            InputError: the file is missing or damaged, or was written by a newer Pellucid.
        """
        model = self._model()
        with undamaged(self.folder / "model.json"):
            return with_noisy({kind: np.dtype(name) if name else None for kind, name in model["dtypes"].items()})

    def structure(self) -> dict[str, StructureStatistics]:
        """Return the structure statistics of each source; sources that show nothing have none.

        Raises:
            InputError: the file is missing or damaged.
        """
        found = self._read_json("structure.json")
        with undamaged(self.folder / "structure.json"):
            return {kind: StructureStatistics.from_values(values) for kind, values in found.items()}

    def save_structure(self, structure: Mapping[str, StructureStatistics]) -> None:
        """Write the structure statistics of each source."""
        write_json(self.folder / "structure.json", {kind: asdict(of_kind) for kind, of_kind in structure.items()})

    def chosen(self, recipe: LearningRecipe) -> str:
        """Return the name of the weights to use: the best if they are known, else those of the recipe."""
        return "best" if self.weights("best").is_file() else recipe.weights

    def denoiser(self, which: str | None = None) -> Denoiser:
        """Return the trained denoiser, in evaluation mode on the CPU.

        Args:
            which: "best", "last" or "average"; by default the best, else as in the recipe.

        Raises:
            InputError: weights that are missing, damaged or of another recipe.
        """
        recipe = self.recipe()
        denoiser = build_denoiser(recipe)
        self._load_weights(denoiser, which or self.chosen(recipe))
        return denoiser

    def _load_weights(self, denoiser: Denoiser, which: str) -> None:
        if which not in WEIGHTS:
            raise InputError(f"{self.folder}: there are no weights {which!r}; choose {', '.join(WEIGHTS)}")
        path = self.weights(which)
        try:
            weights = load_file(path)
            denoiser.load_state_dict(weights)
        except FileNotFoundError:
            raise InputError(
                f"{path}: missing; if the run was stopped before its first save: pellucid resume {self.folder}"
            ) from None
        except (SafetensorError, RuntimeError) as problem:
            reason = str(problem).splitlines()[:2][-1].strip()  # torch says in the second line what does not fit
            raise InputError(f"{path}: damaged or of another recipe ({reason}); copy the run's folder again") from None
        _refuse_not_finite(path, weights)

    def save_weights(self, which: str, weights: Mapping[str, Tensor], number: int | None = None) -> None:
        """Write weights of the denoiser, with the number of the step if it is known."""
        tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
        # one entry: several are written in any order, and equal runs must give equal files
        version = __version__ if number is None else f"{__version__}, step {number}"
        content = save(tensors, metadata={"pellucid": version})
        with replacing(self.weights(which), overwrite=True) as path:
            path.write_bytes(content)  # safetensors' own writer hides that the disk is full

    def statistics(self, denoiser: Denoiser, which: str | None = None) -> Statistics:
        """Return the moments that the norms measured in training.

        Args:
            denoiser: with these weights.
            which: as for `denoiser`.

        Raises:
            InputError: the file is missing or damaged, or of another denoiser.
        """
        path = self._statistics(which or self.chosen(self.recipe()))
        with undamaged(path):
            statistics = load_statistics(path)
        refuse_other(path, statistics, denoiser)
        return statistics

    def save_statistics(self, which: str, statistics: Statistics) -> None:
        """Write the moments that the norms of some weights measured."""
        save_statistics(self._statistics(which), statistics)

    def _statistics(self, which: str) -> Path:
        return self.folder / "weights" / f"{which}-statistics.safetensors"

    def _model(self) -> dict[str, Any]:
        model = self._read_json("model.json")
        with undamaged(self.folder / "model.json"):
            newer = model["format"] > FORMAT
        if newer:
            raise InputError(
                f"{self.folder}: written by a newer Pellucid (format {model['format']}, this one reads up to "
                f"{FORMAT}); update Pellucid (this is {__version__})"
            )
        return model

    def _read_json(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        with undamaged(path):
            return dict(json.loads(path.read_text(encoding="utf-8")))


def with_noisy(values: dict[str, V]) -> dict[str, V]:
    """Return the values; KeyError if those of the noisy images, which every run learns from, are missing."""
    values["noisy"]
    return values


@contextmanager
def undamaged(path: Path) -> Iterator[None]:
    """Within the block a file of the folder is read; errors name it in one line.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        yield
    except PellucidError as problem:
        if str(path) in str(problem):
            raise
        raise InputError(f"{path}: damaged ({problem}); copy the run's folder again") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, SafetensorError) as problem:
        reason = "; ".join(str(problem).splitlines())
        raise InputError(f"{path}: missing or damaged ({reason}); copy the run's folder again") from None


def _refuse_not_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    for name, value in weights.items():
        count = int((~value.isfinite()).sum())
        if count:
            raise InputError(
                f"{path}: unusable, {count:,} weights are not finite (the first in {name}): use other weights "
                "(--weights), or train again"
            )
