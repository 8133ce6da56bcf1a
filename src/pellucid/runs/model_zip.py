"""A model in a zip file, safe to open whoever made it: no code, no pickle, no file on the disk, nothing oversized."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pellucid.box import boxed_models, find_boxed
from pellucid.errors import InputError, nearest
from pellucid.files import replacing
from pellucid.methods.parameter_count import denoiser_bytes
from pellucid.report import terminal
from pellucid.runs.archive import Archive, archive_bytes, open_archive
from pellucid.runs.model_folder import ModelFolder
from pellucid.runs.model_store import (
    CARD,
    MODEL,
    PROVENANCE,
    RECIPE,
    STRUCTURE,
    THUMBNAILS,
    WEIGHTS,
    ModelStore,
    statistics_name,
    weights_name,
)

LONGEST_TEXT = 1 << 16
"""Most bytes of a text."""
LONGEST_STATISTICS = 1 << 24
"""Most bytes of statistics."""
LONGEST_HEADER = 1 << 20
"""Most bytes of a file of weights that are not weights."""

_NAMED = 5
"""How many members that do not belong to a model are named."""
_TEXTS = (RECIPE, MODEL, STRUCTURE, PROVENANCE)
_WEIGHTS = tuple(weights_name(which) for which in WEIGHTS)
_STATISTICS = tuple(statistics_name(which) for which in WEIGHTS)
_FOR_PEOPLE = (CARD, THUMBNAILS)


class ModelZip(ModelStore):
    """A model whose files are members of a zip, all of them in memory."""

    remedy = "get the file from its author again"

    def __init__(self, path: str | Path) -> None:
        super().__init__(path)
        self._contents: dict[str, bytes] = {}

    @classmethod
    def opened(cls, path: str | Path) -> ModelZip:
        """Return the model in a zip file.

        Raises:
            InputError: it is no zip file, damaged, or made to do harm.
        """
        model = cls(path)
        with open_archive(model.path) as archive:
            model._take(archive, _TEXTS, LONGEST_TEXT)
            if not model.has(RECIPE):
                raise InputError(f"{path}: not a model of Pellucid (no recipe.toml in it); `pellucid export` makes one")
            expected = denoiser_bytes(model.recipe())
            model._take(archive, _STATISTICS, LONGEST_STATISTICS)
            model._take(archive, _WEIGHTS, expected + LONGEST_HEADER)
        model._refuse_too_few_weights(expected)
        model._tell_others(archive)
        return model

    def content(self, name: str) -> bytes:
        """Return the content of a member.

        Raises:
            FileNotFoundError: there is no such member.
        """
        if name not in self._contents:
            raise FileNotFoundError(f"no {name} in the zip")
        return self._contents[name]

    def put(self, name: str, content: bytes) -> None:
        """Keep the content of a member until the zip is written."""
        self._contents[name] = content

    def place(self, name: str) -> str:
        """Return the zip with the name of a member."""
        return f"{self.path}:{name}"

    def refuse_other(self) -> None:
        """Do nothing: what is no model was refused when it was opened."""

    def to_bytes(self) -> bytes:
        """Return the zip file; equal models give equal bytes."""
        return archive_bytes(self._contents)

    def _take(self, archive: Archive, names: tuple[str, ...], limit: int) -> None:
        self._contents |= {name: archive.read(name, limit) for name in names if name in archive.names}

    def _refuse_too_few_weights(self, expected: int) -> None:
        """Raise InputError before networks are built that would take far more memory than the zip holds."""
        for name in _WEIGHTS:
            if self.has(name) and len(self.content(name)) < expected:
                raise InputError(
                    f"{self.place(name)}: damaged or of another recipe ({len(self.content(name)):,} bytes, where the "
                    f"recipe's networks have {expected:,}); {self.remedy}"
                )

    def _tell_others(self, archive: Archive) -> None:
        """Name members that no model has; they are not read."""
        others = sorted(set(archive.names) - {*_TEXTS, *_WEIGHTS, *_STATISTICS, *_FOR_PEOPLE})
        if others:
            more = f" and {len(others) - _NAMED} more" if len(others) > _NAMED else ""
            named = ", ".join(map(repr, others[:_NAMED]))
            terminal.warn(f"{self.path}: ignored, as no model has them: {named}{more}")


def open_model_store(path: str | Path) -> ModelStore:
    """Return the model in a folder or a zip file, or that of this name in the box.

    Raises:
        InputError: nothing is there, or a file that is no zip, damaged, or made to do harm.
    """
    folder = ModelFolder(find_boxed(path) or path)
    if not folder.path.exists():
        hint = nearest(folder.path.name, boxed_models())
        raise InputError(f"{path}: no such run or model, nor does one of this name come with Pellucid; {hint}")
    return ModelZip.opened(folder.path) if folder.path.is_file() else folder


@contextmanager
def new_model_store(path: str | Path, *, overwrite: bool = False) -> Iterator[ModelStore]:
    """Yield a new model to be written: a zip if the name ends in .zip, else a folder; it appears complete or not.

    Raises:
        InputError: the path exists, or cannot be written.
        RunError: the disk is full.
    """
    target = ModelFolder(path).path
    with replacing(target, overwrite=overwrite) as temporary:
        if target.suffix.lower() == ".zip":
            model = ModelZip(temporary)
            yield model
            temporary.write_bytes(model.to_bytes())
        else:
            yield ModelFolder(temporary)
