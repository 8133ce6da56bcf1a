"""The folder of a run: the folder of a model, and in it what a training goes on with and what it shows.

    (what `model_folder.py` lists)
    state.pt                    everything needed to go on (tensors and plain values)
    paths.json                  where the data are on this machine, to go on
    metrics.jsonl               the losses of each step
    curves.png                  the same as a picture
    previews/                   the same crops every so often
    tensorboard/                the losses once more, if TensorBoard is installed
    .lock                       held by the process that trains

Only paths.json names a path, nothing a user or the machine. Previews show the data.

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
from pellucid.files import writing
from pellucid.recipe import LearningRecipe
from pellucid.runs.files import undamaged, write_json, write_text
from pellucid.runs.model_folder import ModelFolder, with_noisy


class Run(ModelFolder):
    """The folder of a run. Reading and writing only: it knows nothing of how training goes."""

    @property
    def lock(self) -> Path:
        """Held by the process that trains; the file itself stays."""
        return self.folder / ".lock"

    @property
    def state(self) -> Path:
        """The state to resume from."""
        return self.folder / "state.pt"

    @property
    def paths(self) -> Path:
        """Where the sources are on this machine: what a run needs to go on, and nobody else."""
        return self.folder / "paths.json"

    @property
    def metrics(self) -> Path:
        """Losses, a line a step."""
        return self.folder / "metrics.jsonl"

    @property
    def curves(self) -> Path:
        """The losses as a picture."""
        return self.folder / "curves.png"

    @property
    def begun(self) -> bool:
        """Whether a training has begun here that can go on."""
        return (self.folder / "recipe.toml").is_file()

    def preview(self, number: int) -> Path:
        """The preview picture after a step."""
        return self.folder / "previews" / f"{number:06d}.png"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within the block no other process can train this run. A lock goes with its process, however that ends.

        Raises:
            InputError: another one does.
        """
        with locked(self.lock, f"{self.folder}: another process is training this run; wait for it, or stop it"):
            yield

    def refuse_busy(self) -> None:
        """Raise InputError if another process is training this run."""
        if self.lock.exists():
            with self.held():
                pass

    def refuse_used(self) -> None:
        """Raise InputError if the folder holds something already, or is a file."""
        if self.folder.exists() and not self.folder.is_dir():
            raise InputError(f"{self.folder}: is a file; choose a folder for the run")
        if self.folder.is_dir() and any(path != self.lock for path in self.folder.iterdir()):
            raise InputError(f"{self.folder}: is not empty; choose another folder, or go on with that run by --resume")

    def start(
        self,
        recipe: LearningRecipe,
        intensities: Mapping[str, IntensityRange],
        dtypes: Mapping[str, np.dtype[Any]],
        provenance: Mapping[str, Any],
    ) -> None:
        """Lay the folder out for a new run.

        Raises:
            InputError: it cannot be written.
            RunError: the disk is full.
        """
        with writing(self.folder):
            for name in ("weights", "previews"):
                (self.folder / name).mkdir(parents=True)
        self.write_model(recipe, intensities, dtypes, provenance)

    def sources(self) -> dict[str, dict[str, Any]]:
        """Path and fingerprint of each source; the path is None where this machine does not know it.

        Raises:
            InputError: the file is missing or damaged, or this is a saved model without the run that it is from.
        """
        provenance = self.provenance()
        if "sources" not in provenance:
            raise InputError(f"{self.folder}: holds a saved model alone; go on with the run that it was saved from")
        with undamaged(self.folder / "provenance.json"):
            sources = provenance["sources"]
            fingerprints = with_noisy({kind: known["fingerprint"] for kind, known in sources.items()})
            # the first release had the paths in the provenance
            paths = {kind: known.get("path") for kind, known in sources.items()}
        if self.paths.exists():
            with undamaged(self.paths):
                paths |= json.loads(self.paths.read_text(encoding="utf-8"))
        return {kind: {"path": paths[kind], "fingerprint": known} for kind, known in fingerprints.items()}

    def note_paths(self, paths: Mapping[str, Any]) -> None:
        """Take down where sources are on this machine, by kind; what was known of others stays."""
        known = json.loads(self.paths.read_text(encoding="utf-8")) if self.paths.exists() else {}
        write_json(self.paths, {**known, **paths})

    def change(self, recipe: LearningRecipe, changes: Mapping[str, Any]) -> None:
        """Replace the recipe, if there are changes."""
        if changes:
            write_text(self.folder / "recipe.toml", recipe.to_toml())

    def note_resumption(self, how: Mapping[str, Any]) -> None:
        """Add to the provenance that the run goes on, and how."""
        known = self.provenance()
        write_json(self.folder / "provenance.json", {**known, "resumed": [*known.get("resumed", []), how]})

    def forget_metrics_after(self, number: int) -> None:
        """Drop the losses of steps that a resumed run will take again, and a line cut off by a kill."""
        lines = self.metrics.read_text(encoding="utf-8").splitlines(keepends=True) if self.metrics.exists() else []
        kept = [line for line in lines if line.endswith("\n") and json.loads(line)["step"] <= number]
        write_text(self.metrics, "".join(kept))
