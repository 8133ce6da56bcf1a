"""The folder of a run: that of a model, plus what a training needs to resume and what it shows.

    (the files that `model_store.py` lists)
    state.pt                    everything needed to resume (tensors and plain values)
    paths.json                  where the sources are on this machine, to resume
    metrics.jsonl               the losses of each step
    choice.jsonl                what the states were judged by of which the best is kept
    curves.png                  the losses as a picture
    previews/                   the same crops after different numbers of steps
    tensorboard/                the losses for TensorBoard, if it is installed
    .lock                       held by the process that trains

Only paths.json contains paths; no file names the user or the machine. Previews show the data.

Each file is replaced in one step, so a kill at any instant leaves the last good state.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.blockwise.lock import locked
from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError
from pellucid.files import refuse_unwritable, write_json, write_text, writing
from pellucid.recipe import LearningRecipe
from pellucid.runs.model_folder import ModelFolder
from pellucid.runs.model_store import PROVENANCE, with_noisy


class Run(ModelFolder):
    """The folder of a run: reads and writes files, and knows nothing of how training works."""

    @property
    def lock(self) -> Path:
        """The lock file, locked by the process that trains; the file itself stays."""
        return self.folder / ".lock"

    @property
    def state(self) -> Path:
        """The state to resume from."""
        return self.folder / "state.pt"

    @property
    def paths(self) -> Path:
        """Where the sources are on this machine."""
        return self.folder / "paths.json"

    @property
    def metrics(self) -> Path:
        """The losses, one line per step."""
        return self.folder / "metrics.jsonl"

    @property
    def choice(self) -> Path:
        """What the states of the training were judged by, one line per state."""
        return self.folder / "choice.jsonl"

    @property
    def curves(self) -> Path:
        """The losses as a picture."""
        return self.folder / "curves.png"

    @property
    def started(self) -> bool:
        """Whether the folder holds a training that can be resumed."""
        return (self.folder / "recipe.toml").is_file()

    def preview(self, number: int) -> Path:
        """Return the path of the preview after a step."""
        return self.folder / "previews" / f"{number:06d}.png"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within the block no other process can train this run. The lock ends with its process, however that ends.

        Raises:
            InputError: another process is training this run.
        """
        with locked(self.lock, f"{self.folder}: another process is training this run; wait for it, or stop it"):
            yield

    def refuse_busy(self) -> None:
        """Raise InputError if another process is training this run."""
        if self.lock.exists():
            with self.held():
                pass

    def refuse_used(self) -> None:
        """Raise InputError if the folder is a file, not empty, or cannot be made."""
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{self.folder}: is a file; choose a folder for the run")
        if self.folder.is_dir() and any(path != self.lock for path in self.folder.iterdir()):
            raise InputError(
                f"{self.folder}: is not empty; choose another folder, delete this one, or resume its run: "
                f"pellucid resume {self.folder}"
            )
        refuse_unwritable(self.folder)

    def start(
        self,
        recipe: LearningRecipe,
        intensities: Mapping[str, IntensityRange],
        dtypes: Mapping[str, np.dtype[Any]],
        provenance: Mapping[str, Any],
    ) -> None:
        """Create the folders of a new run, and write what is known before the first step.

        Raises:
            InputError: the folder cannot be written.
            RunError: the disk is full.
        """
        with writing(self.folder):
            for name in ("weights", "previews"):
                (self.folder / name).mkdir(parents=True)
        self.write_model(recipe, intensities, dtypes, provenance)

    def sources(self) -> dict[str, dict[str, Any]]:
        """Return path and fingerprint of each source; the path is None if it is not known on this machine.

        Raises:
            InputError: a file is missing or damaged, or this is a saved model without its run.
        """
        provenance = self.provenance()
        if "sources" not in provenance:
            raise InputError(f"{self.folder}: is a saved model; resume the run that it was saved from")
        with self.undamaged(PROVENANCE):
            fingerprints = {kind: known["fingerprint"] for kind, known in provenance["sources"].items()}
            with_noisy(fingerprints)
        paths = self._known_paths()
        return {kind: {"path": paths.get(kind), "fingerprint": known} for kind, known in fingerprints.items()}

    def frames(self) -> Any:
        """Return what the run takes the frames of a video for; runs of older versions take each for an image."""
        return self.provenance().get("frames", "separate")

    def note_paths(self, paths: Mapping[str, Any]) -> None:
        """Record where sources are on this machine, by kind; the paths of others stay."""
        write_json(self.paths, {**self._known_paths(), **paths})

    def change(self, recipe: LearningRecipe) -> None:
        """Replace the recipe."""
        write_text(self.folder / "recipe.toml", recipe.to_toml())

    def note_resumption(self, details: Mapping[str, Any]) -> None:
        """Record in the provenance that the run was resumed; what was measured before no longer holds."""
        known = self.provenance()
        known.pop("measures", None)
        write_json(self.folder / "provenance.json", {**known, "resumed": [*known.get("resumed", []), details]})

    def note_measures(self, text: str) -> None:
        """Record in the provenance what was measured of the quality of the weights that are used by default."""
        write_json(self.folder / "provenance.json", {**self.provenance(), "measures": text})

    def judged(self) -> bool:
        """Whether parts of the images were held out to judge the training by.

        Raises:
            InputError: a file is missing or damaged.
        """
        return bool(self.provenance().get("judged", False))

    def looks(self) -> list[dict[str, Any]]:
        """Return what states were judged by so far; a line cut off by a kill is left out."""
        lines = self.choice.read_text(encoding="utf-8").splitlines(keepends=True) if self.choice.exists() else []
        return [json.loads(line) for line in lines if line.endswith("\n")]

    def forget_metrics_after(self, number: int) -> None:
        """Remove the losses of steps that a resumed run will take again, and a line cut off by a kill."""
        lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True) if self.metrics.exists() else []
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= number]
        write_text(self.metrics, "".join(kept))

    def _known_paths(self) -> dict[str, Any]:
        if not self.paths.exists():
            return {}
        with self.undamaged("paths.json"):
            return dict(json.loads(self.paths.read_text(encoding="utf-8")))
