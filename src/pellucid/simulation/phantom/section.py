"""A plane cut through the scene: which cell lies at each pixel, and how deep in it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pellucid.simulation.phantom.fields import Values
from pellucid.simulation.phantom.scene import Cell, Tube

HALO = 13.0  # px around a tube within which it can own a pixel; farther space belongs to glia
BEND = 14.0  # px by which a pixel's position in the scene may differ from its place in the image
Window = tuple[slice, slice]


@dataclass(frozen=True)
class Section:
    """A cut: position of every pixel in the scene (z, y, x), owner (−1: glia), and depth below the membrane in px."""

    position: tuple[Values, Values, Values]
    owner: NDArray[np.int32]
    depth: Values
    slant: Values  # 1: membrane cut squarely, towards 0: along its surface


def cut(cells: list[Cell], position: tuple[Values, Values, Values], glia: Values) -> Section:
    """Cut `cells` at the warped pixel positions; each pixel goes to the tube whose surface is nearest.

    Args:
        cells: the scene.
        position: z, y, x in px of every pixel (Y, X), bent by smooth fields so that outlines are curved.
        glia: distance in px (Y, X) from all cells beyond which space belongs to glia.
    """
    nearest = glia.copy()
    second = np.full_like(glia, 2 * HALO)
    owner = np.full(glia.shape, -1, dtype=np.int32)
    for number, cell in enumerate(cells):
        found = tube_distance(cell.body, position, HALO)
        if found is None:
            continue
        box, distance = found
        old = nearest[box]
        owner[box][distance < old] = number
        second[box] = np.minimum(second[box], np.maximum(old, distance))
        nearest[box] = np.minimum(old, distance)
    gap = second - nearest
    down, right = np.gradient(gap)
    # The gap has a kink on the membrane, where central differences vanish: take the steepest neighbour.
    slope = ndimage.gaussian_filter(ndimage.maximum_filter(np.hypot(down, right), 3), 1.0)
    return Section(position, owner, gap / np.maximum(slope, 1.0), np.minimum(slope / 1.6, 1.0))


def tube_distance(tube: Tube, position: tuple[Values, Values, Values], halo: float) -> tuple[Window, Values] | None:
    """Signed distance to a tube's surface (negative inside) on the box of pixels within `halo`, if any."""
    shape = position[0].shape
    parts = _segments(tube, float(position[0].mean()), halo)
    boxes = [_box(a, b, max(ra, rb) + halo + BEND, shape) for a, b, ra, rb in parts]
    kept = [(part, box) for part, box in zip(parts, boxes, strict=True) if box is not None]
    if not kept:
        return None
    whole = (
        slice(min(b[0].start for _, b in kept), max(b[0].stop for _, b in kept)),
        slice(min(b[1].start for _, b in kept), max(b[1].stop for _, b in kept)),
    )
    distance = np.full((whole[0].stop - whole[0].start, whole[1].stop - whole[1].start), 1e3, dtype=np.float32)
    for (a, b, ra, rb), box in kept:
        inner = tuple(slice(s.start - w.start, s.stop - w.start) for s, w in zip(box, whole, strict=True))
        found = _capsule([p[box] for p in position], a, b, ra, rb)
        distance[inner] = np.minimum(distance[inner], found)
    return whole, distance


Segment = tuple[NDArray[np.float64], NDArray[np.float64], float, float]


def _segments(tube: Tube, z: float, halo: float) -> list[Segment]:
    """Pieces of the tube that come within `halo` of the plane z."""
    points, radii = tube.points, tube.radii
    if len(radii) == 1:
        points, radii = np.repeat(points, 2, axis=0), np.repeat(radii, 2)
    low, high = np.minimum(points[:-1, 0], points[1:, 0]), np.maximum(points[:-1, 0], points[1:, 0])
    wide = np.maximum(radii[:-1], radii[1:]) + halo + BEND
    near = np.flatnonzero((low - wide < z) & (high + wide > z))
    return [(points[i], points[i + 1], float(radii[i]), float(radii[i + 1])) for i in near]


def _box(a: NDArray[np.float64], b: NDArray[np.float64], wide: float, shape: tuple[int, ...]) -> Window | None:
    low = np.clip(np.floor(np.minimum(a, b)[1:] - wide).astype(int), 0, shape)
    high = np.clip(np.ceil(np.maximum(a, b)[1:] + wide).astype(int), 0, shape)
    if (low >= high).any():
        return None
    return slice(int(low[0]), int(high[0])), slice(int(low[1]), int(high[1]))


def _capsule(p: list[Values], a: NDArray[np.float64], b: NDArray[np.float64], ra: float, rb: float) -> Values:
    """Signed distance to a rounded cone from a (radius ra) to b (radius rb)."""
    axis = (b - a).astype(np.float32)
    dz, dy, dx = (q - np.float32(c) for q, c in zip(p, a, strict=True))
    along = np.clip((dz * axis[0] + dy * axis[1] + dx * axis[2]) / max(float(axis @ axis), 1e-6), 0, 1)
    squared = (dz - along * axis[0]) ** 2 + (dy - along * axis[1]) ** 2 + (dx - along * axis[2]) ** 2
    return np.asarray(np.sqrt(squared) - (np.float32(ra) + along * np.float32(rb - ra)), dtype=np.float32)
