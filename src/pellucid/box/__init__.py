"""Models that come with Pellucid: no training, no download. `tools/box/train.py` makes them."""

from __future__ import annotations

from pathlib import Path

DEFAULT = "em"
"""The model that is used if neither a model nor a recipe is named."""


def boxed_models() -> dict[str, Path]:
    """The zip of each model in the box, by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.zip"))}


def find_boxed(name: object) -> Path | None:
    """The zip of the model of this name; None if there is none, or the name is that of a file or folder."""
    if not isinstance(name, str | Path) or Path(name).exists():
        return None
    return boxed_models().get(str(name))
