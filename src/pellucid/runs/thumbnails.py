"""Thumbnails of a saved model: the last preview of its run, which shows crops of the training images."""

from __future__ import annotations

from pathlib import Path

from pellucid.errors import InputError
from pellucid.runs.model_store import THUMBNAILS, ModelStore


def put_thumbnails(store: ModelStore, run: Path | None) -> None:
    """Put the last preview of a run into a saved model.

    Raises:
        InputError: there is no preview.
    """
    previews = sorted((run / "previews").glob("[0-9]*.png"), key=_step) if run is not None else []
    if not previews:
        raise InputError(f"{run or 'this model'}: has no previews to take thumbnails from; omit them")
    store.put(THUMBNAILS, previews[-1].read_bytes())


def _step(preview: Path) -> int:
    return int(preview.stem) if preview.stem.isdigit() else -1
