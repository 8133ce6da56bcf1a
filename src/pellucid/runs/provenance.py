"""Where a run comes from: its machine, the names and fingerprints of its images, and their paths for here alone."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from pellucid.data.source import Source, open_source
from pellucid.errors import InputError
from pellucid.io.registry import split
from pellucid.methods import GIVEN_AS
from pellucid.version import __version__


def machine() -> dict[str, Any]:
    """What this run is computed on and when it began; whose machine that is is nobody's business."""
    return {
        "pellucid": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe(specs: Mapping[str, Any], sources: Mapping[str, Source]) -> dict[str, Any]:
    """What each source is called, and a fingerprint to know it again; no folders, for a run may be given away."""
    return {
        kind: {
            "name": name_of(specs[kind]),
            "images": len(source.images),
            "pixels": source.pixels,
            "fingerprint": source.fingerprint(),
        }
        for kind, source in sources.items()
    }


def name_of(spec: Any) -> Any:
    """The last part of a path or glob, or of each in a list; None for arrays."""
    if isinstance(spec, str | Path):
        file, inner = split(spec)
        name = file.name or str(file)
        return f"{name}:{inner}" if inner else name
    return _each(spec, name_of)


def path_of(spec: Any) -> Any:
    """The whole path of a file, folder or glob, or of each in a list; None for arrays."""
    if isinstance(spec, str | Path):
        return str(Path(spec).absolute())
    return _each(spec, path_of)


def without_folders(texts: Iterable[str], sources: Iterable[Source]) -> list[str]:
    """The texts with images called by their names alone."""
    folders = {f"{Path(image.path).parent}/" for source in sources for image in source.images}
    stripped = list(texts)
    for folder in sorted(folders - {"./", "//"}, key=len, reverse=True):
        stripped = [text.replace(folder, "") for text in stripped]
    return stripped


def found_again(known: Mapping[str, Mapping[str, Any]], moved: Mapping[str, Any]) -> dict[str, Any]:
    """Where each source of a run is now.

    Args:
        known: path and fingerprint of each kind.
        moved: what is elsewhere now, by kind.

    Raises:
        InputError: a kind that the run did not learn from, or a source whose place nobody knows.
    """
    for kind in moved:
        if kind not in known:
            raise InputError(f"this run does not learn from {GIVEN_AS[kind]}: leave it out")
    places = {kind: moved.get(kind, each["path"]) for kind, each in known.items()}
    for kind, place in places.items():
        if place is None:
            raise InputError(
                f"where the {kind} images of this run are is not known here (they were arrays, or the run comes from "
                f"elsewhere): say so by {GIVEN_AS[kind]} beside --resume"
            )
    return places


def open_known(kind: str, place: Any, fingerprint: str) -> Source:
    """A source of a run, from its place.

    Raises:
        InputError: it is not there, or not the same any more.
    """
    source = open_source(place)
    if source.fingerprint() != fingerprint:
        where = place if isinstance(place, str | Path) else f"the {len(place)} places given"
        raise InputError(
            f"the {kind} images at {where} are not those that the run began with: put them back or train anew"
        )
    return source


def _each(spec: Any, what: Any) -> Any:
    if isinstance(spec, Sequence) and all(isinstance(item, str | Path) for item in spec):
        return [what(item) for item in spec]
    return None
