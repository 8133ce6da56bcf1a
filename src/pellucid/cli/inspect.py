"""`pellucid inspect`."""

from __future__ import annotations

from collections.abc import Iterable

from pellucid.cli.options import Images
from pellucid.data.source import Source, open_usable
from pellucid.errors import IncompleteError, InputError
from pellucid.io.frames import Frames, frame_axis
from pellucid.io.registry import contents, split
from pellucid.report import terminal
from pellucid.runs.inventory import show_inventory

LISTED = 3
"""Files whose images are listed."""


def inspect(*, clean: Images | None = None, noisy: Images | None = None, frames: Frames = "separate") -> None:
    """Show what images contain, and warn of everything that would harm a training. Nothing is trained.

    Parameters
    ----------
    clean
        Clean images, as in `--clean clean/`. Files of a folder or glob that cannot be used are listed at the end.
    noisy
        Noisy images, as in `--noisy noisy/`. One of the two options is enough.
    frames
        Planes of noisy images along T, else along Z, that show one place: "separate", each an image, or "average".
    """
    given = {kind: spec for kind, spec in {"clean": clean, "noisy": noisy}.items() if spec is not None}
    if not given:
        raise InputError("inspect needs --clean, --noisy or both: files, folders or globs")
    read_as: dict[str, Frames] = {"noisy": frames}
    sources = {kind: open_usable(spec, read_as.get(kind, "separate")).of_one_type() for kind, spec in given.items()}
    show_inventory(sources)
    _show_contents(sources.values())
    _show_frames(sources.values())
    if left_out := [why for source in sources.values() for why in source.left_out]:
        raise IncompleteError(f"not usable, and left out: {'; '.join(left_out)}")


def _show_contents(sources: Iterable[Source]) -> None:
    """List what the first files hold, if it is more than one image each."""
    files = list(dict.fromkeys(split(image.path)[0] for source in sources for image in source.images))
    for file in files[:LISTED]:
        if len(listed := contents(file)) > 1:
            terminal.say(f"{file} holds {len(listed)} images: " + "; ".join(listed))


def _show_frames(sources: Iterable[Source]) -> None:
    """List the frames of the first videos, and stacks of which nobody can tell whether they are some."""
    images = [image for source in sources for image in source.images if frame_axis(image)]
    for image in images[:LISTED]:
        sizes = dict(zip(image.axes, image.shape, strict=True))
        if frame_axis(image) == "T":
            terminal.say(f"{image.path}: {sizes['T']} frames (T)")
        else:
            terminal.say(
                f"{image.path}: {sizes['Z']} sections (Z); if they show one place, --frames takes them for frames"
            )
