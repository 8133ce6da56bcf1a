"""A trained model on disk, in a folder or in a zip: its files, whatever they are kept in.

recipe.toml                 the recipe
model.json                  version of this layout; intensity range and pixel type of each source; digest if saved
structure.json              brightness, contrast, noise and size of structures of each source, to compare others with
provenance.json             version of Pellucid; for a run also names and fingerprints of the data, machine
weights/last.safetensors    the denoiser's weights after the last saved step
weights/average.safetensors their moving average
weights/best.safetensors    those of the best state, if the training was judged (`assessment/keep_best.py`)
weights/*-statistics.safetensors  the moments that the norms of either measured on training patches
card.md                     of a saved model: what it is, for people
thumbnails.png              of a saved model, if asked for: crops of the training images before and after
"""

from __future__ import annotations

import tomllib
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, TypeVar

import numpy as np
import tomli_w
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.structure_statistics import StructureStatistics
from pellucid.errors import InputError
from pellucid.inference import Statistics, dump_statistics, parse_statistics, refuse_other
from pellucid.methods import Denoiser, build_denoiser, method_class
from pellucid.recipe import LearningRecipe
from pellucid.runs.card import card_text
from pellucid.runs.file_store import FileStore
from pellucid.runs.origin import Origin, is_printable
from pellucid.runs.stored_model import StoredModel
from pellucid.version import __version__

V = TypeVar("V")

BEST = "best"
WEIGHTS = (BEST, "last", "average")
"""Names of weights; not every run has the first."""

FORMAT = 1
"""Version of the layout; a newer one is refused."""

RECIPE, MODEL, STRUCTURE, PROVENANCE = "recipe.toml", "model.json", "structure.json", "provenance.json"
CARD, THUMBNAILS = "card.md", "thumbnails.png"
"""The files by name."""


def weights_name(which: str) -> str:
    """Return the name of the file with some weights: "best", "last" or "average"."""
    return f"weights/{which}.safetensors"


def statistics_name(which: str) -> str:
    """Return the name of the file with the statistics of some weights."""
    return f"weights/{which}-statistics.safetensors"


class ModelStore(FileStore):
    """The files of a trained denoiser; subclasses say what they are kept in."""

    @abstractmethod
    def refuse_other(self) -> None:
        """Raise InputError if this is no trained model at all."""

    def read(self, weights: str | None = None) -> StoredModel:
        """Read everything that denoising needs.

        Args:
            weights: "best", "last" or "average"; by default the best, else as in the recipe.

        Raises:
            InputError: this is no trained model, or a file is missing, damaged or of a newer Pellucid.
        """
        recipe = self.recipe()  # first: it tells whether this is a model at all
        which = weights or self.chosen(recipe)
        denoiser = self.denoiser(which)
        named = {} if which == BEST else {"weights": which}
        stored = StoredModel(
            recipe=recipe.with_settings(named),
            settings={**self._settings(), **named},
            weights=which,
            denoiser=denoiser,
            intensity_range=self.intensities()["noisy"],
            dtype=self.dtypes()["noisy"],
            trained=self.statistics(denoiser, which),
            structure=self.structure().get("noisy"),
            origin=self.origin() if which == self.chosen(recipe) else replace(self.origin(), measures=""),
        )
        self._refuse_altered(stored)
        return stored

    def write(self, stored: StoredModel) -> None:
        """Write what `read` gives.

        Raises:
            InputError: the place cannot be written.
            RunError: the disk is full.
        """
        which = stored.weights
        self.save_weights(which, stored.denoiser.state_dict())
        self.save_statistics(which, stored.trained)
        self.save_structure({"noisy": stored.structure} if stored.structure is not None else {})
        self.put_json(PROVENANCE, stored.origin.to_values())
        self.put_json(
            MODEL,
            {**_model_values({"noisy": stored.intensity_range}, {"noisy": stored.dtype}), "digest": stored.digest},
        )
        self.put(CARD, card_text(stored).encode())
        self.put(RECIPE, tomli_w.dumps(stored.settings).encode())

    def write_model(
        self,
        recipe: LearningRecipe,
        intensities: Mapping[str, IntensityRange],
        dtypes: Mapping[str, np.dtype[Any] | None],
        provenance: Mapping[str, Any],
    ) -> None:
        """Write everything of a run but the weights and statistics; no dtype means that any is accepted.

        Raises:
            InputError: the place cannot be written.
            RunError: the disk is full.
        """
        self.put_json(PROVENANCE, provenance)
        self.put_json(MODEL, _model_values(intensities, dtypes))
        self.put(RECIPE, recipe.to_toml().encode())  # last: it makes the folder that of a run

    def recipe(self) -> LearningRecipe:
        """Return the recipe of the run.

        Raises:
            InputError: this is no trained model, or its recipe cannot be understood.
        """
        self.refuse_other()
        self._model()  # refuses a newer format before its settings are read
        place, values = self.place(RECIPE), self._settings()
        with self.undamaged(RECIPE):
            method = str(values["method"])
        try:
            recipe_type = method_class(method).recipe_type
        except InputError as problem:
            raise InputError(f"{place}: {problem}") from None
        recipe = recipe_type.from_values(values, place)
        if not isinstance(recipe, LearningRecipe):
            raise InputError(f"{place}: {recipe.name} needs no training, so it cannot be the recipe of a run")
        return recipe

    def _settings(self) -> dict[str, Any]:
        with self.undamaged(RECIPE):
            values = tomllib.loads(self.content(RECIPE).decode("utf-8"))
            for value in values.values():
                if isinstance(value, str) and not is_printable(value):
                    raise ValueError(f"{value!r} is no plain text")
            return values

    def provenance(self) -> dict[str, Any]:
        """Return version, data and machine of the run.

        Raises:
            InputError: the file is missing or damaged.
        """
        return self.read_json(PROVENANCE)

    def origin(self) -> Origin:
        """Return what the provenance says without names; some take that file away before they give a model away.

        Raises:
            InputError: the file is damaged.
        """
        if not self.has(PROVENANCE):
            return Origin()
        values = self.provenance()
        with self.undamaged(PROVENANCE):
            return Origin.from_provenance(values)

    def intensities(self) -> dict[str, IntensityRange]:
        """Return the intensity range of each source.

        Raises:
            InputError: the file is missing or damaged, or was written by a newer Pellucid.
        """
        model = self._model()
        with self.undamaged(MODEL):
            return with_noisy({kind: IntensityRange(**values) for kind, values in model["intensities"].items()})

    def dtypes(self) -> dict[str, np.dtype[Any] | None]:
        """Return the pixel type of each source; None if any is accepted.

        Raises:
            InputError: the file is missing or damaged, or was written by a newer Pellucid.
        """
        model = self._model()
        with self.undamaged(MODEL):
            return with_noisy({kind: np.dtype(name) if name else None for kind, name in model["dtypes"].items()})

    def structure(self) -> dict[str, StructureStatistics]:
        """Return the structure statistics of each source; sources that show nothing have none.

        Raises:
            InputError: the file is missing or damaged.
        """
        found = self.read_json(STRUCTURE)
        with self.undamaged(STRUCTURE):
            return {kind: StructureStatistics.from_values(values) for kind, values in found.items()}

    def save_structure(self, structure: Mapping[str, StructureStatistics]) -> None:
        """Write the structure statistics of each source."""
        self.put_json(STRUCTURE, {kind: asdict(of_kind) for kind, of_kind in structure.items()})

    def chosen(self, recipe: LearningRecipe) -> str:
        """Return the name of the weights to use: the best if they are known, else those of the recipe."""
        return BEST if self.has(weights_name(BEST)) else recipe.weights

    def denoiser(self, which: str | None = None) -> Denoiser:
        """Return the trained denoiser, in evaluation mode on the CPU.

        Args:
            which: "best", "last" or "average"; by default the best, else as in the recipe.

        Raises:
            InputError: weights that are missing, damaged or of another recipe.
        """
        recipe = self.recipe()
        which = which or self.chosen(recipe)
        if which not in WEIGHTS:
            raise InputError(f"{self.path}: there are no weights {which!r}; choose {', '.join(WEIGHTS)}")
        denoiser = build_denoiser(recipe)
        self._load_weights(denoiser, which)
        return denoiser

    def _load_weights(self, denoiser: Denoiser, which: str) -> None:
        place = self.place(weights_name(which))
        try:
            weights = load(self.content(weights_name(which)))
            denoiser.load_state_dict(weights)
        except FileNotFoundError:
            raise InputError(f"{place}: missing; {self._without_weights(which)}") from None
        except (OSError, SafetensorError, RuntimeError) as problem:
            reason = str(problem).splitlines()[:2][-1].strip()  # torch says in the second line what does not fit
            raise InputError(f"{place}: damaged or of another recipe ({reason}); {self.remedy}") from None
        _refuse_not_finite(place, weights)

    def _without_weights(self, which: str) -> str:
        """What to do if there are no such weights."""
        others = [other for other in WEIGHTS if other != which and self.has(weights_name(other))]
        if others and "digest" in self._model():
            return f"this is a saved model with its {others[0]!r} weights alone"
        return f"if the run was stopped before its first save: pellucid resume {self.path}"

    def save_weights(self, which: str, weights: Mapping[str, Tensor], number: int | None = None) -> None:
        """Write weights of the denoiser, with the number of the step if it is known."""
        tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
        # one entry: several are written in any order, and equal runs must give equal files
        version = __version__ if number is None else f"{__version__}, step {number}"
        self.put(weights_name(which), save(tensors, metadata={"pellucid": version}))

    def statistics(self, denoiser: Denoiser, which: str | None = None) -> Statistics:
        """Return the moments that the norms measured in training.

        Args:
            denoiser: with these weights.
            which: as for `denoiser`.

        Raises:
            InputError: the file is missing or damaged, or of another denoiser.
        """
        name = statistics_name(which or self.chosen(self.recipe()))
        with self.undamaged(name):
            statistics = parse_statistics(self.content(name), self.place(name))
        refuse_other(self.place(name), statistics, denoiser)
        return statistics

    def save_statistics(self, which: str, statistics: Statistics) -> None:
        """Write the moments that the norms of some weights measured."""
        self.put(statistics_name(which), dump_statistics(statistics))

    def _model(self) -> dict[str, Any]:
        model = self.read_json(MODEL)
        with self.undamaged(MODEL):
            newer = model["format"] > FORMAT
        if newer:
            raise InputError(
                f"{self.path}: written by a newer Pellucid (format {model['format']}, this one reads up to "
                f"{FORMAT}); update Pellucid (this is {__version__})"
            )
        return model

    def _refuse_altered(self, stored: StoredModel) -> None:
        """Raise InputError if recipe or weights are not those that were saved."""
        noted = self._model().get("digest")
        if noted is not None and noted != stored.digest:
            raise InputError(f"{self.path}: its recipe or weights were changed after it was saved; {self.remedy}")


def _model_values(
    intensities: Mapping[str, IntensityRange], dtypes: Mapping[str, np.dtype[Any] | None]
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "intensities": {kind: intensity_range.model_dump() for kind, intensity_range in intensities.items()},
        "dtypes": {kind: dtype.name if dtype is not None else None for kind, dtype in dtypes.items()},
    }


def with_noisy(values: dict[str, V]) -> dict[str, V]:
    """Return the values; KeyError if those of the noisy images, which every run learns from, are missing."""
    values["noisy"]
    return values


def _refuse_not_finite(place: str, weights: Mapping[str, Tensor]) -> None:
    for name, value in weights.items():
        count = int((~value.isfinite()).sum())
        if count:
            raise InputError(
                f"{place}: unusable, {count:,} weights are not finite (the first in {name}): use other weights "
                "(--weights), or train again"
            )
