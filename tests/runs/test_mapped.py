"""Images that do not fit into memory are read from disk while training goes on, and make no difference to it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from pellucid.data.patches import Patches
from pellucid.methods import make_recipe
from pellucid.runs import patches, trainer

pytestmark = pytest.mark.usefixtures("undrawn")


@pytest.fixture
def batches_of(settings, tmp_path, monkeypatch):
    """The first batches that a run learns from, and whether they were prefetched."""

    def run(sources, pipeline):
        found, prefetched = [], []
        monkeypatch.setattr(trainer, "fit", lambda _, batches, *__: found.extend(map(batches, (1, 2, 3))))
        monkeypatch.setattr(trainer, "prefetch", lambda batches: prefetched.append(batches) or whole(batches))
        recipe = make_recipe("proposed", "quick", {**settings, "pipeline": pipeline})
        trainer.train(sources, tmp_path / f"run-{len(list(tmp_path.iterdir()))}", recipe, "cpu")
        return found, bool(prefetched)

    whole = trainer.prefetch
    return run


@pytest.mark.parametrize("pipeline", ["correct", "official"])
def test_images_on_disk_give_the_batches_of_images_in_memory(pipeline, pictures, batches_of, monkeypatch):
    sources = {"clean": str(pictures / "clean"), "noisy": str(pictures / "noisy")}
    in_memory, prefetched = batches_of(sources, pipeline)
    assert not prefetched
    monkeypatch.setattr(trainer, "free_memory", lambda *_: 0)
    on_disk, prefetched = batches_of(sources, pipeline)
    assert prefetched
    torch.testing.assert_close(on_disk, in_memory, rtol=0, atol=0)


def test_images_are_offered_to_the_device(batches_of, monkeypatch):
    offered = []

    def on_gpu(patches, device, budget):
        offered.append((device.type, budget))
        return Patches([np.zeros((99, 99), np.uint8)], patches.normalize, patches.size)  # what comes back is drawn from

    monkeypatch.setattr(patches, "on_gpu", on_gpu)
    monkeypatch.setattr(patches, "free_memory", lambda *_: 1 << 30)
    image = np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8)
    found, _ = batches_of({"clean": image, "noisy": image}, "correct")
    assert offered == [("cpu", 1 << 27)] * 2
    assert {float(batch["noisy"].max()) for batch in found} == {-1.0}
