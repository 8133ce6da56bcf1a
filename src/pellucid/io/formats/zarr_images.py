"""The images in a Zarr: arrays, and the multiscales of its groups; which of them is meant."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import zarr

from pellucid.errors import InputError
from pellucid.io.axis_names import axis_letters
from pellucid.io.formats.zarr_axes import letters_of
from pellucid.io.formats.zarr_store import Store
from pellucid.io.layout import Layout, default_layout, named_layout

#: The attribute of an array by which xarray names its axes in Zarr v2.
ARRAY_AXES = "_ARRAY_DIMENSIONS"
_DEEPEST = 4  # levels of groups that are searched for images: those of a plate


@dataclass(frozen=True)
class FoundImage:
    """An array that is an image, or a multiscale of a group.

    Attributes:
        node: The array or the group.
        number: Of the multiscale; None for an array.
    """

    node: Any
    number: int | None = None

    @property
    def multiscale(self) -> dict[str, Any]:
        """Its description; empty for an array."""
        found = {} if self.number is None else multiscales(self.node)[self.number]
        return found if isinstance(found, dict) else {}

    @property
    def name(self) -> str:
        """The name of the multiscale; its number if it has none or shares it with another."""
        names = [str(one.get("name") or "") for one in multiscales(self.node) if isinstance(one, dict)]
        own = str(self.multiscale.get("name") or "")
        return own if own and names.count(own) == 1 else str(self.number)

    @property
    def level_names(self) -> list[str]:
        """The paths of its levels in the group, the finest first."""
        levels = self.multiscale.get("datasets") or ()
        return [str(level["path"]) for level in levels if isinstance(level, dict) and "path" in level]

    def finest(self, path: str) -> tuple[Any, Layout]:
        """The array of full resolution.

        Raises:
            InputError: The description does not name it or its axes.
        """
        if self.number is None:
            return self.node, array_layout(self.node, path)
        try:
            name = str(self.multiscale["datasets"][0]["path"])
            array = self.node.get(name)
            if not isinstance(array, zarr.Array):
                raise InputError(f"{path}: level {name} is not an array; the OME-Zarr is incomplete, copy it again")
            letters = letters_of(self.multiscale, self._version, array.ndim, path)
            _refuse_unread(self.multiscale, array.ndim, path)
        except (KeyError, IndexError, TypeError, AttributeError) as error:
            raise InputError(
                f"{path}: its 'multiscales' does not name axes and levels; write its metadata again"
            ) from error
        return array, named_layout(letters, array.shape, path)

    @property
    def _version(self) -> str:
        first = "0.1" if self.node.metadata.zarr_format == 2 else "0.5"
        return str(self.multiscale.get("version") or ome(self.node).get("version") or first)


def ome(group: Any) -> dict[str, Any]:
    """The attributes of a group that OME defines: since 0.5 in one of their own."""
    attributes = dict(group.attrs)
    found = attributes.get("ome", attributes)
    return dict(found) if isinstance(found, dict) else {}


def multiscales(group: Any) -> list[Any]:
    """The descriptions of the images of a group."""
    found = ome(group).get("multiscales")
    return list(found) if isinstance(found, list) else []


def choose(node: Any, inner: str | None, store: Store) -> FoundImage:
    """The image in the root of a store that is meant: by name, number or path; without these, the first or only one.

    Raises:
        InputError: There is none, or several that are not levels of one.
    """
    if inner is None:
        return _first(node, "", store)
    found = [] if isinstance(node, zarr.Array) else [FoundImage(node, at) for at in range(len(multiscales(node)))]
    for one in found:
        if inner in (one.name, str(one.number)):
            return one
    below = None if isinstance(node, zarr.Array) else node.get(inner.strip("/"))
    if below is None:
        remedy = f"it has {', '.join(one.name for one in found)}" if found else "check the path in it"
        raise InputError(f"{store.path}:{inner}: has no image {inner}; {remedy}")
    return _first(below, inner.strip("/"), store)


def all_images(node: Any, root: str, depth: int = 0) -> Iterator[tuple[FoundImage, str]]:
    """Every image in a node but labels, with the path of its array or group from the root."""
    inner = node.path[len(root) :].strip("/")
    if isinstance(node, zarr.Array):
        if node.ndim >= 2:
            yield FoundImage(node), inner
        return
    numbers = range(len(multiscales(node)))
    yield from ((FoundImage(node, number), inner) for number in numbers)
    if not numbers and depth < _DEEPEST:
        for name, below in sorted(node.members(), key=lambda member: str(member[0])):
            if name not in ("OME", "labels", "tables"):
                yield from all_images(below, root, depth + 1)


def array_layout(array: Any, path: str) -> Layout:
    """The layout of an array by the names of its dimensions, else by their number."""
    names = array.metadata.dimension_names if array.metadata.zarr_format == 3 else array.attrs.get(ARRAY_AXES)
    letters = axis_letters(names) if isinstance(names, list | tuple) and len(names) == array.ndim else ""
    return named_layout(letters, array.shape, path) if letters else default_layout(array.shape, path)


def _first(node: Any, inner: str, store: Store) -> FoundImage:
    """An array, the first image of a group, or the only one in a collection (bioformats2raw) or a plain group."""
    if isinstance(node, zarr.Array):
        return FoundImage(node)
    if multiscales(node):
        return FoundImage(node, 0)
    if "bioformats2raw.layout" not in ome(node):
        return FoundImage(_only_array(node, inner, store))
    images = sorted(name for name, _ in node.groups() if name != "OME")
    if len(images) != 1:
        raise InputError(
            f"{_path(inner, store)}: holds {len(images)} images; give one of them, as in "
            f"{_path(inner, store, images[0] if images else '0')}"
        )
    return _first(node[images[0]], f"{inner}/{images[0]}".strip("/"), store)


def _path(inner: str, store: Store, name: str = "") -> str:
    """The user's path of a group, or of what has a name in it."""
    path = f"{inner}/{name}".strip("/")
    return store.inside(path) if path else store.path


def _refuse_unread(multiscale: Mapping[str, Any], dimensions: int, path: str) -> None:
    """Raise InputError if a transformation is not a scale or a translation with a number for each axis."""
    told = [multiscale, *multiscale["datasets"]]
    for step in (step for one in told for step in one.get("coordinateTransformations") or ()):
        kind = step.get("type")
        fits = kind in ("scale", "translation") and _is_numbers(step.get(kind), dimensions)
        if kind != "identity" and not fits:
            raise InputError(
                f"{path}: its coordinateTransformations have a transformation {kind!r} that is not a list of "
                f"{dimensions} numbers; write its metadata again, with scale and translation"
            )


def _is_numbers(told: Any, count: int) -> bool:
    """Whether this is a list of so many numbers, none of them infinite."""
    if not isinstance(told, list) or len(told) != count:
        return False
    return all(isinstance(number, int | float) and math.isfinite(number) for number in told)


def _only_array(group: Any, inner: str, store: Store) -> Any:
    arrays = dict(group.arrays())
    # others are positions along axes, as xarray writes them
    names = sorted(name for name, array in arrays.items() if array.ndim > 1) or sorted(arrays)
    if len(names) == 1:
        return group[names[0]]
    listed = f"several: {', '.join(names)}. Name one, as in {_path(inner, store, names[0])}" if names else ""
    raise InputError(
        f"{_path(inner, store)}: needs one array with an image, but the group has "
        f"{listed or _groups(group, inner, store)}"
    )


def _groups(group: Any, inner: str, store: Store) -> str:
    names = sorted(name for name, _ in group.groups())
    if not names:
        return "none; give another folder"
    found = next((below for _, below in all_images(group, group.path)), names[0])
    return f"none, but groups: {', '.join(names[:8])}. Name the one with the image, as in {_path(inner, store, found)}"
