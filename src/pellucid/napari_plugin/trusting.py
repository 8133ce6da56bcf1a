"""How far the results on a layer can be trusted, and what is removed from what is visible of it."""

from __future__ import annotations

from pellucid.assessment.assess import assess
from pellucid.assessment.clean_images import find_clean
from pellucid.methods.slices import slices_of
from pellucid.model import Model
from pellucid.napari_plugin.choice import Choice
from pellucid.napari_plugin.denoising import Made, Work, preview, removed_preview
from pellucid.napari_plugin.snapshot import Snapshot
from pellucid.napari_plugin.visible import Region
from pellucid.napari_plugin.watch import Progress, Watch


def trust(noisy: Snapshot, choice: Choice, model: Model, watch: Watch, region: Region) -> Work:
    """Assess a model on the planes of a layer; the first line is the verdict, the layer what is removed.

    Raises:
        InputError: a layer or model that cannot be assessed.
        Interrupted: the watch was asked to stop.
    """
    shown = yield from preview(noisy, model, watch, region)
    yield watch.set(Progress("measuring"))
    with watch.watching():
        clean = find_clean(None, choice.store, slices_of(model.denoiser))
        found = assess(model, noisy.image.planes, clean.planes, clean.origin)
    lines = [found.verdict, *(f"warning: {line}" for line in found.warnings), f"clean images: {clean.origin}"]
    return Made([removed_preview(noisy, shown, region)], lines)
