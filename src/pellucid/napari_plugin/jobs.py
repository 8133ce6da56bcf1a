"""What the buttons of the panel do, as generators for a thread of their own; none needs Qt."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from pathlib import Path

from pellucid.errors import InputError, Interrupted, PellucidError
from pellucid.model import Model
from pellucid.napari_plugin.choice import Choice
from pellucid.napari_plugin.denoising import (
    Made,
    Work,
    denoise_into_folder,
    denoise_into_memory,
    preview,
    removed_layer,
    removed_preview,
)
from pellucid.napari_plugin.snapshot import Snapshot
from pellucid.napari_plugin.trusting import trust
from pellucid.napari_plugin.visible import Region
from pellucid.napari_plugin.watch import Progress, Watch

LARGEST = 1 << 28
"""Bytes of a layer that is not in memory, up to which its result may be."""


@dataclass(frozen=True)
class Order:
    """What is asked for.

    Attributes:
        noisy: the layer.
        choice: the denoiser.
        removed: whether to show what is removed, too.
        folder: for results of layers that are not in memory; without one, those of small layers go to memory.
    """

    noisy: Snapshot
    choice: Choice
    removed: bool = False
    folder: Path | None = None


Opener = Callable[[Choice, Snapshot], Model]


def denoise_job(order: Order, opener: Opener, watch: Watch) -> Work:
    """Denoise a whole layer."""
    noisy, folder = order.noisy, order.folder if order.noisy.is_lazy else None
    if noisy.is_lazy and folder is None and noisy.bytes > LARGEST:
        size = f"{noisy.bytes / 2**30:.1f} GiB"
        raise InputError(f"{noisy.name}: is not in memory ({size}): choose the folder that the result shall go to")
    model = yield from _opened(order, opener, watch)
    if folder is not None:
        made = yield from denoise_into_folder(noisy, model, watch, folder)
    else:
        made = yield from denoise_into_memory(noisy, model, watch)
    removed = [removed_layer(noisy, made)] if order.removed else []
    return Made([*removed, *made.layers], [*watch.lines, *made.lines])


def preview_job(order: Order, region: Region, opener: Opener, watch: Watch) -> Work:
    """Denoise what is visible of a layer."""
    model = yield from _opened(order, opener, watch)
    made = yield from preview(order.noisy, model, watch, region)
    removed = [removed_preview(order.noisy, made, region)] if order.removed else []
    return Made([*removed, *made.layers], [*watch.lines, *made.lines])


def trust_job(order: Order, region: Region, opener: Opener, watch: Watch) -> Work:
    """Say how far results on a layer can be trusted."""
    model = yield from _opened(order, opener, watch)
    return (yield from trust(order.noisy, order.choice, model, watch, region))


def in_one_line(work: Work) -> Work:
    """The same work; if it fails or is stopped, it makes nothing and says why in one line."""
    try:
        return (yield from work)
    except Interrupted:
        return Made([], ["stopped"])
    except PellucidError as problem:
        return Made([], [str(problem)])


def _opened(order: Order, opener: Opener, watch: Watch) -> Generator[Progress, None, Model]:
    yield watch.set(Progress("opening the model"))
    with watch.watching():
        model = opener(order.choice, order.noisy)
        model.warn_of_single_slices([order.noisy.image])
        return model
