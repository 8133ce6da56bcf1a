"""Which denoiser is to be used, and the model that is opened for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pellucid.box import DEFAULT
from pellucid.data.source import Source
from pellucid.errors import InputError
from pellucid.model import Model, open_model
from pellucid.napari_plugin.snapshot import Snapshot

SIDE = 1024
"""Side of the tiles of larger planes, in pixels: after each the work can be stopped."""


@dataclass(frozen=True)
class Choice:
    """What a user chose.

    Attributes:
        model: a name in the box, the folder or zip of a run, or a file in such a folder.
        recipe: a method that needs no training, instead of a model.
        limits: intensities that are black and white; None: as the model or the image says.
    """

    model: str = DEFAULT
    recipe: str | None = None
    limits: tuple[float, float] | None = None

    @property
    def store(self) -> Path | None:
        """The model's folder, zip or name; None with a recipe.

        Raises:
            InputError: nothing was chosen.
        """
        if self.recipe is not None:
            return None
        if not self.model or self.model == ".":
            raise InputError("no model is chosen: give the folder of a run or the zip of a model")
        named = Path(self.model)
        return named.parent if named.is_file() and named.suffix != ".zip" else named


class OpenModel:
    """Opens models, and keeps the last one: it is wanted again when only the view has changed."""

    def __init__(self) -> None:
        self._last: tuple[Choice, Any, Model] | None = None

    def __call__(self, choice: Choice, noisy: Snapshot) -> Model:
        """The model for a layer.

        Raises:
            InputError: a model or a layer that cannot be used.
        """
        if self._last is not None and self._last[0] == choice and self._last[1] is noisy.pixels:
            return self._last[2]
        noisy.refuse_small()
        model = _in_tiles(_opened(choice, noisy))
        self._last = choice, noisy.pixels, model
        return model


def _opened(choice: Choice, noisy: Snapshot) -> Model:
    model = open_model(Source([noisy.image]), model=choice.store, recipe=choice.recipe, intensity_range=choice.limits)
    try:
        model.refuse_other_types([noisy.image])
    except InputError:
        kind = model.dtype.name if model.dtype is not None else "other"
        raise InputError(
            f"{noisy.name}: has {noisy.image.dtype.name} pixels, but the model was trained on {kind}: "
            "take black and white from the contrast limits of the layer"
        ) from None
    return model


def _in_tiles(model: Model) -> Model:
    """The model with less memory, so that larger planes go through it in tiles; the pixels are the same."""
    denoiser = model.denoiser
    if not denoiser.whole and denoiser.window is None:
        side = SIDE + 2 * denoiser.halo
        model.memory = min(model.memory, int(denoiser.bytes_per_pixel * side * side))
    return model
