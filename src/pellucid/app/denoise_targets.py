"""Where the results of a denoising go, which of them exist, and what was denoised into what."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pellucid.app.roots import Roots
from pellucid.box import boxed_models
from pellucid.data.output_paths import is_image, output_paths
from pellucid.data.source import open_usable
from pellucid.errors import InputError
from pellucid.io.registry import split


def proposed_output(roots: Roots, images: str, folder: Path) -> Path:
    """The output that is proposed: of one image a file of a format that can be written, else a folder.

    Args:
        roots: folders that may be read.
        images: what is denoised.
        folder: where results go.

    Raises:
        InputError: images that cannot be used, or lie outside the folders.
    """
    spec = roots.image(images)
    if not is_image(spec):
        return folder / Path(spec).name
    return output_paths(open_usable(spec), folder)[0]


def pairs_of(images: str, output: str) -> list[tuple[str, str]]:
    """What opens each image, and its result.

    Raises:
        InputError: images that cannot be used.
    """
    source = open_usable(images)
    targets = output_paths(source, Path(output))
    return [(image.path, str(target)) for image, target in zip(source.images, targets, strict=True)]


def existing(pairs: Iterable[tuple[str, str]]) -> list[str]:
    """The results that exist already."""
    return [target for _, target in pairs if split(target)[0].exists()]


def checked_model(roots: Roots, name: str) -> str:
    """A model that may be used: one in the box, or the folder or zip of one in the folders.

    Raises:
        InputError: there is none of this name, or it lies outside of the folders.
    """
    if name in boxed_models() and not Path(name).exists():
        return name
    if not name:
        raise InputError("choose a model: one in the box, or the folder or zip of a training")
    path = roots.path(name)
    if not path.exists():
        known = ", ".join(boxed_models())
        raise InputError(f"{name}: no such model; choose one in the box ({known}), or a folder or zip")
    return str(path)


def first_image(roots: Roots, images: str) -> str:
    """What opens the first image of a file or folder.

    Raises:
        InputError: images that cannot be used, or lie outside the folders.
    """
    return open_usable(roots.image(images)).images[0].path
