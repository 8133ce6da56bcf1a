"""A trained model in memory, as it is read from disk and written there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from pellucid.data.intensity_range import IntensityRange
from pellucid.data.structure_statistics import StructureStatistics
from pellucid.inference import Statistics
from pellucid.methods import Denoiser
from pellucid.methods.digest import model_digest
from pellucid.recipe import LearningRecipe
from pellucid.runs.origin import Origin


class StoredModel(NamedTuple):
    """What denoising needs of a run.

    Attributes:
        recipe: recipe of the run.
        settings: the recipe's settings as they are stored, without those that later versions added.
        weights: name of the weights, "best", "last" or "average".
        denoiser: the denoiser with these weights, in evaluation mode on the CPU.
        intensity_range: intensity range of the noisy images.
        dtype: pixel type of the noisy images; None if any is accepted.
        trained: the moments that the norms measured in training.
        structure: structure statistics of the noisy images; None if they show nothing.
        origin: what it was made from, without names.
    """

    recipe: LearningRecipe
    settings: Mapping[str, Any]
    weights: str
    denoiser: Denoiser
    intensity_range: IntensityRange
    dtype: np.dtype[Any] | None
    trained: Statistics
    structure: StructureStatistics | None
    origin: Origin

    @property
    def digest(self) -> str:
        """SHA-256 of the recipe and the weights."""
        return model_digest(self.settings, self.denoiser.state_dict())

    def signed(self, licence: str | None, description: str | None, authors: Sequence[str] | None) -> StoredModel:
        """Return the same with what is given replaced in its origin.

        Raises:
            InputError: a text with control characters.
        """
        return self._replace(origin=self.origin.signed(licence, description, authors))
