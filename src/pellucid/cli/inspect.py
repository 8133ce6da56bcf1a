"""`pellucid inspect`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from pellucid.cli.json_output import show_json
from pellucid.cli.options import Images
from pellucid.data.source import Source, open_usable
from pellucid.errors import IncompleteError, InputError
from pellucid.io.frames import Frames, frame_axis
from pellucid.io.registry import contents, split
from pellucid.report import terminal
from pellucid.runs.inventory import Shown, show_inventory, values_of

LISTED = 3
"""Files whose images are listed."""


def inspect(
    model: Path | None = None,
    *,
    clean: Images | None = None,
    noisy: Images | None = None,
    frames: Frames = "separate",
    json: bool = False,
) -> None:
    """Show what images contain, and warn of everything that would harm a training; or show what a trained model is.

    Parameters
    ----------
    model
        Folder of a run, or a model that `pellucid export` wrote.
    clean
        Clean images, as in `--clean clean/`. Files of a folder or glob that cannot be used are listed at the end.
    noisy
        Noisy images, as in `--noisy noisy/`. One of the two options is enough.
    frames
        Planes of noisy images along T, else along Z, that show one place: "separate", each an image, or "average".
    json
        Print JSON instead of tables.
    """
    given = {kind: spec for kind, spec in {"clean": clean, "noisy": noisy}.items() if spec is not None}
    if model is not None:
        if given:
            raise InputError("inspect shows a model, or images by --clean and --noisy: one of them at a time")
        (_show_model_as_json if json else _show_model)(model)
        return
    if not given:
        raise InputError("inspect needs --clean, --noisy or both (files, folders or globs), or a model")
    read_as: dict[str, Frames] = {"noisy": frames}
    sources = {kind: open_usable(spec, read_as.get(kind, "separate")).of_one_type() for kind, spec in given.items()}
    shown = show_inventory(sources)
    _show_contents(sources.values())
    _show_frames(sources.values())
    if json:
        show_json(_values(sources, shown))
    if left_out := [why for source in sources.values() for why in source.left_out]:
        raise IncompleteError(f"not usable, and left out: {'; '.join(left_out)}")


def _show_model(path: Path) -> None:
    from pellucid.runs.card import facts_of, structure_line  # here: looking at images needs no torch
    from pellucid.runs.model_zip import open_model_store

    stored = open_model_store(path).read()
    terminal.table(str(path), ["", ""], facts_of(stored).items(), terminal.results(), text=2)
    structure = structure_line(stored.structure) if stored.structure else ""
    for line in (stored.origin.description, structure, stored.origin.measures):
        if line:
            terminal.say(line)


def _show_model_as_json(path: Path) -> None:
    from pellucid.runs.card import values_of  # here: looking at images needs no torch
    from pellucid.runs.model_zip import open_model_store

    show_json({"path": path, **values_of(open_model_store(path).read())})


def _values(sources: Mapping[str, Source], shown: Shown) -> dict[str, object]:
    return {
        "sources": {kind: values_of(inventory) for kind, inventory in shown.inventories.items()},
        "remarks": {kind: source.remarks for kind, source in sources.items()},
        "warnings": shown.warnings,
        "left_out": [why for source in sources.values() for why in source.left_out],
    }


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
