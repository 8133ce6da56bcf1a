"""Image layers to a file of any format that Pellucid writes; several layers of one shape become its channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dask.array as da
from napari.utils.notifications import show_info

from pellucid.errors import InputError
from pellucid.io.writing import create_image
from pellucid.napari_plugin.calibration import refuse_turned
from pellucid.napari_plugin.reader import LayerData
from pellucid.napari_plugin.snapshot import Snapshot


def write_layers(path: str, layers: Sequence[LayerData]) -> list[str]:
    """Write layers, plane by plane; what the format cannot keep is told.

    Args:
        path: of a file that does not exist; its extension says which format.
        layers: of images, all of one shape, pixel type and place.

    Returns:
        The path.

    Raises:
        InputError: what is no image layer, a format that cannot hold the pixel type or axes, a layer in colour or
            turned, layers that differ, or a file that exists.
        RunError: the disk is full.
    """
    snapshots = [_snapshot(layer) for layer in _several(layers)]
    for each in snapshots:
        refuse_turned(each.attributes, each.name)
    whole = snapshots[0] if len(snapshots) == 1 else _channels(snapshots)
    with create_image(path, whole.image) as writer:
        for number, plane in enumerate(whole.image.planes):
            writer.write(number, plane.read())
    for note in writer.notes:
        show_info(f"{path}: {note}")
    return [path]


def _several(layers: Any) -> Sequence[Any]:
    """The layers, if they are some.

    Raises:
        InputError: there are none, or one was given alone.
    """
    if not isinstance(layers, Sequence) or isinstance(layers, str):
        raise InputError(f"{type(layers).__name__}: is no list of layers: give [layer.as_layer_data_tuple()]")
    if not layers:
        raise InputError("no layer is given: select one or more image layers, then save them")
    return layers


def _snapshot(layer: Any) -> Snapshot:
    """A layer as it is now.

    Raises:
        InputError: it is no image, or not given as napari hands layers to plugins.
    """
    if not (isinstance(layer, tuple) and len(layer) == 3 and isinstance(layer[1], Mapping)):
        raise InputError(f"{type(layer).__name__}: is no layer data: give layer.as_layer_data_tuple()")
    pixels, attributes, kind = layer
    if kind != "image":
        raise InputError(f"{attributes.get('name', 'layer')}: is a layer of {kind}; only images can be written")
    finest = pixels[0] if attributes.get("multiscale") and len(pixels) else pixels
    if not (hasattr(finest, "shape") and hasattr(finest, "dtype")):
        raise InputError(f"{attributes.get('name', 'layer')}: holds no array, but {type(finest).__name__}: give pixels")
    return Snapshot.of(pixels, attributes)


def _channels(layers: Sequence[Snapshot]) -> Snapshot:
    """Layers as the channels of one.

    Raises:
        InputError: they differ, or have channels already.
    """
    first = layers[0]
    axes = first.image.axes
    if "C" in axes:
        raise InputError(f"{first.name}: has channels already: save one layer at a time")
    for other in layers[1:]:
        for what, ours, theirs in _compared(first, other):
            if ours != theirs:
                raise InputError(
                    f"{other.name}: has {what} {theirs}, but {first.name} has {ours}: layers that differ cannot be "
                    "channels of one file: save them one by one"
                )
    at = axes.index("T") + 1 if "T" in axes else 0
    pixels = da.stack([da.moveaxis(da.asarray(each.pixels), *_order(each)) for each in layers], axis=at)
    return Snapshot.of(pixels, _with_channels(first, at))


def _compared(one: Snapshot, other: Snapshot) -> list[tuple[str, Any, Any]]:
    names = ("axes", "shape", "dtype", "pixel_size", "style")
    words = ("the axes", "the shape", "the pixel type", "the pixel size", "the scale and position")
    return [
        (word, getattr(one.image, name), getattr(other.image, name)) for word, name in zip(words, names, strict=True)
    ]


def _order(layer: Snapshot) -> tuple[list[int], list[int]]:
    """What moves the stored axes of a layer to those of its image."""
    stored = layer.image.layout.stored
    return [stored.index(axis) for axis in layer.image.axes], list(range(len(stored)))


def _with_channels(layer: Snapshot, at: int) -> Mapping[str, Any]:
    """The attributes of a layer with one more axis."""
    stored, axes = layer.image.layout.stored, layer.image.axes
    told = {"name": layer.name, "axis_labels": list(axes.lower())}
    new = {"scale": 1.0, "units": "pixel", "translate": 0.0}
    for name in new:
        if layer.attributes.get(name) is not None:
            told[name] = [layer.attributes[name][stored.index(axis)] for axis in axes]
    return {
        name: [*values[:at], {"axis_labels": "c", **new}[name], *values[at:]] if isinstance(values, list) else values
        for name, values in told.items()
    }
