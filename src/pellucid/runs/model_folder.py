"""The folder of a model: what a run leaves that denoising needs, and what `Model.save` writes.

recipe.toml                 the recipe, readable
model.json                  format version, the intensity range and pixel type of each source
looks.json                  brightness, contrast, noise, size of structures of each source, to know others by
provenance.json             version; of a run also seed, names and fingerprints of the data, machine
weights/last.safetensors    the denoiser after the last saved step
weights/average.safetensors its moving average
weights/*-statistics.safetensors  the moments that the norms of either saw on training patches
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.structure_statistics import StructureStatistics
from pellucid.errors import InputError
from pellucid.files import replacing
from pellucid.inference import Statistics, load_statistics, refuse_other, save_statistics
from pellucid.methods import Denoiser, build_denoiser, method_class
from pellucid.recipe import LearningRecipe
from pellucid.runs.files import undamaged, write_json, write_text
from pellucid.version import __version__

V = TypeVar("V")

FORMAT = 1
"""Version of the layout of the folder; a newer one is refused."""


class StoredModel(NamedTuple):
    """What denoising needs of a run.

    Attributes:
        recipe: of the run.
        weights: their name, "last" or "average".
        denoiser: with these weights, in evaluation mode on the CPU.
        intensity_range: of the noisy images.
        dtype: of the noisy images; None if any is taken.
        trained: the moments that the norms saw in training; None if they were not noted.
        looks: of the noisy images; None if it was not noted.
    """

    recipe: LearningRecipe
    weights: str
    denoiser: Denoiser
    intensity_range: IntensityRange
    dtype: np.dtype[Any] | None
    trained: Statistics | None
    looks: StructureStatistics | None


class ModelFolder:
    """A trained denoiser on disk."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def weights(self, which: str) -> Path:
        """Weights of the denoiser: "last" or "average"."""
        return self.folder / "weights" / f"{which}.safetensors"

    def write_model(
        self,
        recipe: LearningRecipe,
        intensities: Mapping[str, IntensityRange],
        dtypes: Mapping[str, np.dtype[Any] | None],
        provenance: Mapping[str, Any],
    ) -> None:
        """Write what a model is, beside its weights; no dtype means that any is taken.

        Raises:
            InputError: it cannot be written.
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
        """What denoising needs; `weights` is "last" or "average", or as the recipe says.

        Raises:
            InputError: this is no run's folder, or a part of it is missing, damaged or too new.
        """
        recipe = self.recipe()  # first: it tells whether this is a run at all
        which = weights or recipe.weights
        denoiser = self._denoiser(recipe, which)
        return StoredModel(
            recipe=recipe,
            weights=which,
            denoiser=denoiser,
            intensity_range=self.intensities()["noisy"],
            dtype=self.dtypes()["noisy"],
            trained=self.statistics(denoiser, which),
            looks=self.looks().get("noisy"),
        )

    def recipe(self) -> LearningRecipe:
        """The recipe of the run.

        Raises:
            InputError: this is no run's folder, or its recipe cannot be understood.
        """
        path = self.folder / "recipe.toml"
        if not path.is_file():
            raise InputError(
                f"{self.folder}: not the folder of a run (no recipe.toml in it); give the --out of `pellucid train`"
            )
        self._model()  # refuses a newer format before its settings are looked at
        with undamaged(path):
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            method = str(values["method"])
        try:
            recipe_type = method_class(method).recipe_type
        except InputError as problem:
            raise InputError(f"{path}: {problem}") from None
        recipe = recipe_type.from_values(values, path)
        if not isinstance(recipe, LearningRecipe):
            raise InputError(f"{path}: {recipe.name} learns nothing, so no run can be of it")
        return recipe

    def provenance(self) -> dict[str, Any]:
        """Version, seed, data and machine of the run.

        Raises:
            InputError: the file is missing or damaged.
        """
        path = self.folder / "provenance.json"
        with undamaged(path):
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return found

    def intensities(self) -> dict[str, IntensityRange]:
        """The intensity range of each source.

        Raises:
            InputError: the file is missing or damaged, or comes from a newer Pellucid.
        """
        model = self._model()
        with undamaged(self.folder / "model.json"):
            return with_noisy({kind: IntensityRange(**values) for kind, values in model["intensities"].items()})

    def dtypes(self) -> dict[str, np.dtype[Any] | None]:
        """The pixel type of each source; None where any is taken.

        Raises:
            InputError: the file is missing or damaged, or comes from a newer Pellucid.
        """
        model = self._model()
        with undamaged(self.folder / "model.json"):
            return with_noisy({kind: np.dtype(name) if name else None for kind, name in model["dtypes"].items()})

    def looks(self) -> dict[str, StructureStatistics]:
        """How each source looked; empty in a run from before it was noted.

        Raises:
            InputError: the file is damaged.
        """
        path = self.folder / "looks.json"
        if not path.exists():
            return {}
        with undamaged(path):
            found = json.loads(path.read_text(encoding="utf-8"))
            return {kind: StructureStatistics.from_values(values) for kind, values in found.items()}

    def save_looks(self, looks: Mapping[str, StructureStatistics]) -> None:
        """Write how each source looks."""
        write_json(self.folder / "looks.json", {kind: asdict(of_a_kind) for kind, of_a_kind in looks.items()})

    def denoiser(self, which: str | None = None) -> Denoiser:
        """The trained denoiser, in evaluation mode on the CPU; `which` is "last" or "average", or as the recipe says.

        Raises:
            InputError: weights that are missing, damaged or of another recipe.
        """
        recipe = self.recipe()
        return self._denoiser(recipe, which or recipe.weights)

    def _denoiser(self, recipe: LearningRecipe, which: str) -> Denoiser:
        if which not in ("last", "average"):
            raise InputError(f"{self.folder}: there are no weights {which!r}; choose 'last' or 'average'")
        path = self.weights(which)
        denoiser = build_denoiser(recipe)
        try:
            weights = load_file(path)
            denoiser.load_state_dict(weights)
        except FileNotFoundError:
            raise InputError(f"{path}: not there; was the run stopped before its first save? --resume it") from None
        except (SafetensorError, RuntimeError) as problem:
            reason = str(problem).splitlines()[:2][-1].strip()  # torch says in the second line what does not fit
            raise InputError(f"{path}: damaged or of another recipe ({reason}); copy the run's folder again") from None
        _refuse_not_finite(path, weights)
        return denoiser

    def save_weights(self, which: str, weights: Mapping[str, Tensor], number: int | None = None) -> None:
        """Write weights of the denoiser, after which step if that is known."""
        tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
        # one entry: several come in any order, and equal runs shall give equal files
        told = __version__ if number is None else f"{__version__}, step {number}"
        content = save(tensors, metadata={"pellucid": told})
        with replacing(self.weights(which), overwrite=True) as path:
            path.write_bytes(content)  # safetensors' own writer hides that the disk is full

    def statistics(self, denoiser: Denoiser, which: str | None = None) -> Statistics | None:
        """The moments that the norms of these weights saw in training; None in a run from before they were noted.

        Args:
            denoiser: with these weights.
            which: as for `denoiser`.

        Raises:
            InputError: the file is damaged, or of another denoiser.
        """
        path = self._statistics(which or self.recipe().weights)
        if not path.exists():
            return None
        with undamaged(path):
            statistics = load_statistics(path)
        refuse_other(path, statistics, denoiser)
        return statistics

    def save_statistics(self, which: str, statistics: Statistics) -> None:
        """Write the moments that the norms of some weights saw."""
        save_statistics(self._statistics(which), statistics)

    def _statistics(self, which: str) -> Path:
        return self.folder / "weights" / f"{which}-statistics.safetensors"

    def _model(self) -> dict[str, Any]:
        path = self.folder / "model.json"
        with undamaged(path):
            model: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            newer = model["format"] > FORMAT
        if newer:
            raise InputError(
                f"{self.folder}: written by a newer Pellucid (format {model['format']}, this one reads up to "
                f"{FORMAT}); update Pellucid (this is {__version__})"
            )
        return model


def with_noisy(values: dict[str, V]) -> dict[str, V]:
    """The same; every run has learned from noisy images, so a KeyError if they are missing."""
    values["noisy"]
    return values


def _refuse_not_finite(path: Path, weights: Mapping[str, Tensor]) -> None:
    for name, value in weights.items():
        wrong = int((~value.isfinite()).sum())
        if wrong:
            raise InputError(
                f"{path}: the model is of no use, {wrong:,} of its weights are not finite numbers "
                f"(the first in {name}): take other weights (--weights), or train again"
            )
