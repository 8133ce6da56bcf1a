"""A model in a folder: what denoising needs of a run, and what `Model.save` writes."""

from __future__ import annotations

from pathlib import Path

from pellucid.errors import InputError
from pellucid.files import replacing
from pellucid.runs.model_store import RECIPE, ModelStore, weights_name


class ModelFolder(ModelStore):
    """A model whose files lie in a folder, each replaced in one step."""

    remedy = "copy the run's folder again"

    @property
    def folder(self) -> Path:
        """The folder."""
        return self.path

    def weights(self, which: str) -> Path:
        """Return the path of the denoiser's weights: "best", "last" or "average"."""
        return self.folder / weights_name(which)

    def content(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: there is no such file.
        """
        return (self.folder / name).read_bytes()

    def put(self, name: str, content: bytes) -> None:
        """Write a file, over an earlier one.

        Raises:
            InputError: it cannot be written.
            RunError: the disk is full.
        """
        with replacing(self.folder / name, overwrite=True) as path:
            path.write_bytes(content)  # safetensors' own writer hides that the disk is full

    def place(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.folder / name)

    def refuse_other(self) -> None:
        """Raise InputError if this is not the folder of a run or a saved model."""
        if self.folder.is_file():
            raise InputError(
                f"{self.folder}: not the folder of a run but a file; a saved model cannot be trained on, only its run"
            )
        if not (self.folder / RECIPE).is_file():
            raise InputError(
                f"{self.folder}: not the folder of a run (no recipe.toml in it); give the --out of `pellucid train`"
            )
