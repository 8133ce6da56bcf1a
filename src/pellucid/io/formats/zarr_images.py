"""The images in a Zarr: arrays, and the multiscales of its groups; which of them is meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import zarr

from pellucid.errors import InputError
from pellucid.io.axis_names import axis_letters
from pellucid.io.formats.zarr_axes import letters_of
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


def choose(node: Any, inner: str | None, path: str) -> FoundImage:
    """The image that is meant: by name, number or path; without any of these, the first or only one.

    Raises:
        InputError: There is none, or several that are not levels of one.
    """
    if inner is None:
        return _first(node, path)
    found = [] if isinstance(node, zarr.Array) else [FoundImage(node, at) for at in range(len(multiscales(node)))]
    for one in found:
        if inner in (one.name, str(one.number)):
            return one
    below = None if isinstance(node, zarr.Array) else node.get(inner.strip("/"))
    if below is None:
        remedy = f"it has {', '.join(one.name for one in found)}" if found else "check the path in it"
        raise InputError(f"{path}: has no image {inner}; {remedy}")
    return _first(below, path)


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


def _first(node: Any, path: str) -> FoundImage:
    """An array, the first image of a group, or the only one in a collection (bioformats2raw) or a plain group."""
    if isinstance(node, zarr.Array):
        return FoundImage(node)
    if multiscales(node):
        return FoundImage(node, 0)
    if "bioformats2raw.layout" not in ome(node):
        return FoundImage(_only_array(node, path))
    images = sorted(name for name, _ in node.groups() if name != "OME")
    if len(images) != 1:
        raise InputError(
            f"{path}: holds {len(images)} images; give one of them, as in {path}/{images[0] if images else 0}"
        )
    return _first(node[images[0]], path)


def _only_array(group: Any, path: str) -> Any:
    names = sorted(name for name, _ in group.arrays())
    if len(names) != 1:
        listed = f"several: {', '.join(names)}. Name one, as in {path}/{names[0]}" if names else _groups(group, path)
        raise InputError(f"{path}: needs one array with an image, but the group has {listed}")
    return group[names[0]]


def _groups(group: Any, path: str) -> str:
    names = sorted(name for name, _ in group.groups())
    if not names:
        return "none; give another folder"
    return f"none, but groups: {', '.join(names[:8])}. Name the one with the image, as in {path}/{names[0]}"
