"""A run's folder: what was asked, what was learned, how it went.

    recipe.toml                 the recipe, readable
    model.json                  format version, which weights denoise, the intensity range of each source
    provenance.json             version, seed, data fingerprints, machine
    weights/last.safetensors    the denoiser after the last saved step
    weights/average.safetensors its moving average
    state.pt                    everything needed to go on (tensors and plain values)
    metrics.jsonl               the losses of each step
    curves.png                  the same as a picture
    previews/                   the same crops every so often

Each file is replaced in one step, so a kill at any instant leaves the last good state.
"""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from pellucid import __version__
from pellucid.errors import InputError
from pellucid.images import Intensity
from pellucid.images.atomic import replacing, writing
from pellucid.methods import Denoiser, build, method_class
from pellucid.recipe import Recipe

FORMAT = 1
"""Version of the layout of the folder; a newer one is refused."""


class Run:
    """The folder of a run. Reading and writing only: it knows nothing of how training goes."""

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    @property
    def state(self) -> Path:
        """The state to resume from."""
        return self.folder / "state.pt"

    @property
    def metrics(self) -> Path:
        """Losses, a line a step."""
        return self.folder / "metrics.jsonl"

    @property
    def curves(self) -> Path:
        """The losses as a picture."""
        return self.folder / "curves.png"

    def preview(self, number: int) -> Path:
        """The preview picture after a step."""
        return self.folder / "previews" / f"{number:06d}.png"

    def weights(self, which: str) -> Path:
        """Weights of the denoiser: "last" or "average"."""
        return self.folder / "weights" / f"{which}.safetensors"

    def start(self, recipe: Recipe, intensities: Mapping[str, Intensity], provenance: Mapping[str, Any]) -> None:
        """Lay the folder out for a new run.

        Raises:
            InputError: it holds something already, or cannot be written.
        """
        with writing(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)
            if any(self.folder.iterdir()):
                raise InputError(
                    f"{self.folder}: is not empty; choose another folder, or go on with that run by --resume"
                )
            for name in ("weights", "previews"):
                (self.folder / name).mkdir()
        write_text(self.folder / "recipe.toml", recipe.to_toml())
        write_json(self.folder / "provenance.json", provenance)
        write_json(
            self.folder / "model.json",
            {"format": FORMAT, "intensities": {kind: i.model_dump() for kind, i in intensities.items()}},
        )

    def recipe(self) -> Recipe:
        """The recipe of the run.

        Raises:
            InputError: this is no run's folder, or its recipe cannot be understood.
        """
        path = self.folder / "recipe.toml"
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            raise InputError(
                f"{self.folder}: not the folder of a run (no recipe.toml in it); give the --out of `pellucid train`"
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
            raise InputError(f"{path}: not readable as TOML ({problem})") from None
        return method_class(values.get("method", "iscl")).recipe_type.from_values(values, path)

    def provenance(self) -> dict[str, Any]:
        """Version, seed, data and machine of the run.

        Raises:
            InputError: the file is missing or damaged.
        """
        path = self.folder / "provenance.json"
        try:
            found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as problem:
            raise InputError(f"{path}: missing or damaged ({problem}); copy the run's folder again") from None
        return found

    def intensities(self) -> dict[str, Intensity]:
        """The intensity range of each source.

        Raises:
            InputError: the file is missing or damaged, or comes from a newer Pellucid.
        """
        path = self.folder / "model.json"
        try:
            model = json.loads(path.read_text(encoding="utf-8"))
            if model["format"] > FORMAT:
                raise InputError(
                    f"{self.folder}: written by a newer Pellucid (format {model['format']}, this one reads up to "
                    f"{FORMAT}); update Pellucid (this is {__version__})"
                )
            return {kind: Intensity(**values) for kind, values in model["intensities"].items()}
        except (OSError, ValueError, KeyError, TypeError) as problem:
            raise InputError(f"{path}: missing or damaged ({problem}); copy the run's folder again") from None

    def denoiser(self, which: str | None = None) -> Denoiser:
        """The trained denoiser, in evaluation mode on the CPU; `which` is "last" or "average", or as the recipe says.

        Raises:
            InputError: weights that are missing, damaged or of another recipe.
        """
        recipe = self.recipe()
        self.intensities()  # refuses a newer format before its weights are looked at
        path = self.weights(which or recipe.weights)
        denoiser = build(recipe).denoiser
        try:
            denoiser.load_state_dict(load_file(path))
        except FileNotFoundError:
            raise InputError(f"{path}: not there; was the run stopped before its first save? --resume it") from None
        except (SafetensorError, RuntimeError) as problem:
            raise InputError(f"{path}: damaged or of another recipe ({str(problem).splitlines()[0]})") from None
        return denoiser.eval()

    def save_weights(self, which: str, weights: Mapping[str, Tensor], number: int) -> None:
        """Write weights of the denoiser."""
        with replacing(self.weights(which), overwrite=True) as path:
            tensors = {name: value.detach().cpu().contiguous() for name, value in weights.items()}
            save_file(tensors, path, metadata={"step": str(number), "pellucid": __version__})

    def forget_metrics_after(self, number: int) -> None:
        """Drop the losses of steps that a resumed run will take again, and a line cut off by a kill."""
        lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True) if self.metrics.exists() else []
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= number]
        write_text(self.metrics, "".join(kept))


def machine() -> dict[str, Any]:
    """What this run is computed on and when it began."""
    return {
        "pellucid": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def write_json(path: Path, values: Mapping[str, Any]) -> None:
    """Write readable JSON in one step."""
    write_text(path, json.dumps(values, indent=2, ensure_ascii=False) + "\n")


def write_text(path: Path, text: str) -> None:
    """Write a text in one step."""
    with replacing(path, overwrite=True) as temporary:
        temporary.write_text(text, encoding="utf-8")
