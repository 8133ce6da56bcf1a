"""What a run records about its origin: the machine, the names and fingerprints of its images, and their paths."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from pellucid.data.source import Source
from pellucid.io.registry import split
from pellucid.version import __version__


def machine() -> dict[str, Any]:
    """Return the software and system of this process, and the time; nothing that names the machine or its user."""
    return {
        "pellucid": __version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "system": platform.platform(),
        "threads": torch.get_num_threads(),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def describe(specs: Mapping[str, Any], sources: Mapping[str, Source]) -> dict[str, Any]:
    """Return the name, size and fingerprint of each source; no folders, as a run may be given away."""
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
    """Return the last part of a path or glob, or of each in a list; None for arrays."""
    return _of_paths(spec, _last_part)


def path_of(spec: Any) -> Any:
    """Return the absolute path of a file, folder or glob, or of each in a list; None for arrays."""
    return _of_paths(spec, lambda path: str(Path(path).absolute()))


def without_folders(texts: Iterable[str], sources: Iterable[Source]) -> list[str]:
    """Return the texts with the folders of the images removed."""
    folders = {f"{Path(image.path).parent}/" for source in sources for image in source.images}
    stripped = list(texts)
    for folder in sorted(folders - {"./", "//"}, key=len, reverse=True):
        stripped = [text.replace(folder, "") for text in stripped]
    return stripped


def _last_part(path: str | Path) -> str:
    file, inner = split(path)
    name = file.name or str(file)
    return f"{name}:{inner}" if inner else name


def _of_paths(spec: Any, convert: Callable[[str | Path], str]) -> Any:
    if isinstance(spec, str | Path):
        return convert(spec)
    if isinstance(spec, Sequence) and all(isinstance(item, str | Path) for item in spec):
        return [convert(item) for item in spec]
    return None
