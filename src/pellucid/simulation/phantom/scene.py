"""The tissue as objects: cells are bent tubes of varying radius, packed from large to small, with organelles inside."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pellucid.simulation.phantom.fields import stream

Points = NDArray[np.float64]

GRID = 6  # spacing in px of the coarse grid of occupied space
MARGIN = 48  # px beyond the section on every side in which cells are placed too


@dataclass(frozen=True)
class Tube:
    """A bent tube: points (n, 3) in (z, y, x) px with a radius at each."""

    points: Points
    radii: NDArray[np.float64]


@dataclass
class Cell:
    """One cell: its body, grey level, texture and organelles. Grey levels are those of dark-membrane polarity."""

    body: Tube
    grey: float
    grain: float
    mitochondria: list[Tube] = field(default_factory=list)
    nucleus: Tube | None = None
    vesicles: Points = field(default_factory=lambda: np.zeros((0, 4)))  # (z, y, x, radius)


@dataclass(frozen=True)
class Kind:
    """A class of cells: range of radii and of half lengths in px, and how much of the free space it is offered."""

    radius: tuple[float, float]
    half_length: tuple[float, float]
    share: float


# From cell bodies to the thinnest neurites. 10 nm pixels: a radius of 10 px is a neurite 0.2 µm across.
KINDS = (
    Kind((75, 120), (10, 50), 0.16),
    Kind((30, 52), (20, 90), 0.30),
    Kind((17, 30), (50, 160), 0.40),
    Kind((10, 17), (60, 220), 0.60),
    Kind((6, 10), (80, 260), 0.60),
    Kind((4, 6.5), (40, 160), 0.35),
)


class Space:
    """Coarse grid over the section and its margin: which of it is taken."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        """An empty space around `shape` (Z, Y, X)."""
        self.taken = np.zeros([(n + 2 * MARGIN) // GRID + 1 for n in shape], dtype=bool)

    def index(self, points: Points) -> NDArray[np.int64]:
        """Grid indices (n, 3) of `points`, clipped to the grid."""
        index = np.round((points + MARGIN) / GRID).astype(np.int64)
        return np.clip(index, 0, np.array(self.taken.shape) - 1)

    def clearance(self) -> NDArray[np.float64]:
        """Distance in px from every grid point to the nearest taken one."""
        if not self.taken.any():
            return np.full(self.taken.shape, 1e3)
        return np.asarray(ndimage.distance_transform_edt(~self.taken) * GRID)

    def take(self, tube: Tube) -> None:
        """Mark the inside of `tube` as taken."""
        centres = (tube.points + MARGIN) / GRID
        for centre, radius in zip(centres, tube.radii / GRID, strict=True):
            low = np.clip(np.ceil(centre - radius).astype(int), 0, self.taken.shape)
            high = np.clip(np.floor(centre + radius).astype(int) + 1, 0, self.taken.shape)
            if (low >= high).any():
                continue
            z, y, x = (np.arange(a, b) - c for a, b, c in zip(low, high, centre, strict=True))
            inside = (z**2)[:, None, None] + (y**2)[:, None] + x**2 <= radius**2
            self.taken[low[0] : high[0], low[1] : high[1], low[2] : high[2]] |= inside


def build(shape: tuple[int, int, int], seed: int) -> list[Cell]:
    """Cells that fill a section of `shape` (Z, Y, X), largest first."""
    rng = stream(seed, "scene")
    space = Space(shape)
    bodies: list[tuple[Tube, int]] = []
    for rank, kind in enumerate(KINDS):
        for _ in range(2):  # a second round fills what the first left free
            bodies += [(body, rank) for body in _pack(kind, shape, space, rng)]
    return [_furnish(body, rank, rng) for body, rank in bodies]


def _pack(kind: Kind, shape: tuple[int, int, int], space: Space, rng: np.random.Generator) -> list[Tube]:
    clearance = space.clearance()
    halo = min(kind.radius[1], MARGIN)
    planes = slice(int((MARGIN - halo) // GRID), int((MARGIN + shape[0] + halo) // GRID) + 1)
    offset = np.array([planes.start, 0, 0])
    free = np.argwhere(clearance[planes] > 0.75 * kind.radius[0]) + offset
    if not len(free):
        return []
    typical = float(np.mean(kind.radius))
    volume = len(free) * GRID**3
    each = np.pi * typical**2 * (np.mean(kind.half_length) + typical)
    wanted = int(rng.poisson(kind.share * volume / each))
    placed: list[Tube] = []
    for start in free[rng.integers(len(free), size=wanted)]:
        radius = float(min(rng.uniform(*kind.radius), 1.15 * clearance[tuple(start)]))
        tube = _grow(start * GRID - MARGIN + rng.uniform(-0.5, 0.5, 3) * GRID, radius, kind, rng)
        tube_kept = _trim(tube, shape, space)
        if tube_kept is not None:
            space.take(tube_kept)
            placed.append(tube_kept)
    return placed


def _grow(start: Points, radius: float, kind: Kind, rng: np.random.Generator) -> Tube:
    """A tube through `start` in a random direction, gently bent, with swellings."""
    step = max(0.9 * radius, 6.0)
    count = max(int(rng.uniform(*kind.half_length) / step), 1)
    along = np.arange(-count, count + 1) * step
    axes = np.linalg.qr(rng.standard_normal((3, 3)))[0]
    bend = rng.normal(0, 0.0018, 2)
    points = start + along[:, None] * axes[0] + (along**2)[:, None] * (bend @ axes[1:])
    swelling = 1 + 0.22 * np.sin(along / step * rng.uniform(0.3, 0.9) + rng.uniform(0, 2 * np.pi))
    return Tube(points, radius * swelling * rng.uniform(0.9, 1.1, len(along)))


def _trim(tube: Tube, shape: tuple[int, int, int], space: Space) -> Tube | None:
    """The part of the tube around its middle that lies in free space and near the section."""
    index = space.index(tube.points)
    near = ((tube.points > -MARGIN) & (tube.points < np.array(shape) + MARGIN)).all(axis=1)
    free = near & ~space.taken[tuple(index.T)]
    middle = len(free) // 2
    if not free[middle]:
        return None
    blocked = np.flatnonzero(~free)
    first = int(max(blocked[blocked < middle], default=-1)) + 1
    last = int(min(blocked[blocked > middle], default=len(free)))
    return Tube(tube.points[first:last], tube.radii[first:last])


def _furnish(body: Tube, rank: int, rng: np.random.Generator) -> Cell:
    """Grey level, mitochondria, nucleus and vesicles of a cell of the class `rank`."""
    dark = rng.random() < 0.22
    grey = rng.normal(130, 9) if dark else rng.normal(166, 11)
    cell = Cell(body, float(grey), float(rng.uniform(0.55, 1.3)))
    radius = float(body.radii.mean())
    if rank == 0:
        middle = len(body.radii) // 2
        part = slice(max(middle - 1, 0), middle + 2)
        cell.nucleus = Tube(body.points[part], body.radii[part] * rng.uniform(0.6, 0.75))
    if radius > 9:
        others = [] if cell.nucleus is None else [cell.nucleus]
        cell.mitochondria = _mitochondria(body, radius, others, rng)
    if radius > 9 and rng.random() < 0.5:
        cell.vesicles = _vesicles(body, radius, rng)
    return cell


def _mitochondria(body: Tube, radius: float, others: list[Tube], rng: np.random.Generator) -> list[Tube]:
    """Mitochondria in a cell of that mean radius, clear of one another and of the `others` in it."""
    length = float(np.linalg.norm(np.diff(body.points, axis=0), axis=1).sum()) + 2 * radius
    crowd = max((radius / 20) ** 2, 0.6) if radius < 60 else 12.0
    tubes: list[Tube] = []
    for _ in range(int(rng.poisson(min(crowd * length / 90, 16)))):
        thick = float(np.clip(radius * rng.uniform(0.4, 0.72), 5, rng.uniform(11, 25)))
        node = int(rng.integers(len(body.radii)))
        away = rng.standard_normal(3)
        inner = 0.8 if radius > 60 else 0.2  # around the nucleus of a cell body, anywhere in a neurite
        away *= max(float(body.radii[node]) - thick - 5, 0) * rng.uniform(inner, 1) / np.linalg.norm(away)
        axis = _axis(body, node) + rng.normal(0, 0.35 if radius < 60 else 2, 3)
        axis /= np.linalg.norm(axis)
        half = rng.uniform(0.6, 2.2) * thick
        bend = rng.normal(0, 0.12, 3) * half
        points = body.points[node] + away + np.array([-axis * half + bend, 0 * bend, axis * half + bend])
        tube = Tube(points, thick * rng.uniform(0.85, 1.1, 3))
        if all(_apart(tube, other) for other in tubes + others):
            tubes.append(tube)
    return tubes


def _apart(one: Tube, other: Tube) -> bool:
    distance = np.linalg.norm(one.points[:, None] - other.points, axis=2)
    return bool((distance > one.radii[:, None] + other.radii + 3).all())


def _axis(body: Tube, node: int) -> Points:
    if len(body.radii) == 1:
        return np.array([0.0, 0.0, 1.0])
    low, high = max(node - 1, 0), min(node + 1, len(body.radii) - 1)
    along = body.points[high] - body.points[low]
    return np.asarray(along / np.linalg.norm(along))


def _vesicles(body: Tube, radius: float, rng: np.random.Generator) -> Points:
    clusters = []
    for _ in range(1 + int(rng.poisson(len(body.radii) / 2))):
        node = int(rng.integers(len(body.radii)))
        spread = min(0.6 * radius, 22)
        centre = body.points[node] + rng.normal(0, 0.4 * radius, 3)
        count = int(1.5 * (2 * np.pi) ** 1.5 * spread**3 / 9.5**3)
        cluster = np.empty((count, 4))
        cluster[:, :3] = centre + rng.normal(0, spread, (count, 3))
        cluster[:, 3] = rng.normal(2.4, 0.25, count)
        clusters.append(cluster)
    return np.concatenate(clusters)
