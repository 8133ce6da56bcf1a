"""Layers, and what runs the plugin's generators to their end."""

from __future__ import annotations

import numpy as np

from pellucid.napari_plugin.choice import Choice, OpenModel
from pellucid.napari_plugin.jobs import Order
from pellucid.napari_plugin.snapshot import Snapshot


def finished(work):
    """The result of a generator."""
    try:
        while True:
            next(work)
    except StopIteration as end:
        return end.value


def snapshot(layer):
    """The snapshot of a layer, as the panel takes it."""
    pixels, attributes, _ = layer.as_layer_data_tuple()
    return Snapshot.of(pixels, attributes)


def added(viewer, data):
    """A new layer of a viewer, from layer data."""
    from napari.layers import Layer

    return viewer.add_layer(Layer.create(*data))


def ordered(layer, removed=False, folder=None, **choice):
    """An order for a layer: by default a Gaussian filter, which needs no training."""
    return Order(snapshot(layer), Choice(**{"recipe": "gaussian", **choice}), removed, folder)


def opener():
    """What opens models for one test."""
    return OpenModel()


def noise(shape, dtype="uint8", seed=0):
    """Noise about grey."""
    drawn = np.random.default_rng(seed).normal(120, 20, shape)
    return np.clip(drawn, 0, 255).astype(dtype)
