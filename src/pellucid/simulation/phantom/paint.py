"""Grey levels of a section: cytoplasm, reticulum, vesicles, mitochondria, nuclei, membranes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pellucid.simulation.phantom.fields import GrainField, SmoothField, Values, stream
from pellucid.simulation.phantom.scene import Cell, Tube
from pellucid.simulation.phantom.section import Section, cut, tube_distance

MEMBRANE = 74.0
MATRIX = 88.0
GLIA = 128.0


class Painter:
    """Paints the planes of one scene, with textures from random fields."""

    def __init__(self, shape: tuple[int, int, int], cells: list[Cell], seed: int) -> None:
        """Fields over `shape` (Z, Y, X) for `cells`."""
        self._cells = cells
        self._shape = shape
        smooth = {"bend_z": 44, "bend_y": 44, "bend_x": 44, "wave_y": 15, "wave_x": 15, "glia": 30, "cleft": 26}
        smooth |= {"dense": 22, "reticulum": 17, "where": 60, "chromatin": 11, "light": 230, "cristae": 14}
        self._smooth = {k: SmoothField(shape, scale, stream(seed, k)) for k, scale in smooth.items()}
        grain = {"fine": 0.8, "granule": 1.5, "patch": 3.0}
        self._grain = {k: GrainField(shape, sigma, seed, k) for k, sigma in grain.items()}
        self._greys = np.array([c.grey for c in cells] + [GLIA], dtype=np.float32)
        self._grains = np.array([c.grain for c in cells] + [0.5], dtype=np.float32)
        self._phase = stream(seed, "looks").uniform(0, 2 * np.pi, 3)

    def plane(self, z: int) -> Values:
        """Grey levels (Y, X) of plane z, dark membranes, about 40 to 220."""
        f = {k: field.plane(z) for k, field in self._smooth.items()}
        g = {k: field.plane(z) for k, field in self._grain.items()}
        section = self._cut(z, f)
        image = self._cytoplasm(section, f, g)
        self._vesicles(image, section, z)
        for number, cell in enumerate(self._cells):
            for tube in cell.mitochondria:
                _mitochondrion(image, section, number, tube, f, g)
            if cell.nucleus is not None:
                _nucleus(image, section, number, cell.nucleus, f, g)
        _membranes(image, section, f, g)
        image = ndimage.gaussian_filter(image, 0.85)
        return np.asarray(image * (1 + 0.035 * f["light"]) + 2.2 * g["fine"], dtype=np.float32)

    def _cut(self, z: int, f: dict[str, Values]) -> Section:
        y, x = np.mgrid[: self._shape[1], : self._shape[2]].astype(np.float32)
        bend = {k: 10 * np.tanh(0.5 * f[k]) for k in ("bend_z", "bend_y", "bend_x")}
        wave = {k: 4 * np.tanh(0.4 * f[k]) for k in ("wave_y", "wave_x")}
        position = (z + bend["bend_z"], y + bend["bend_y"] + wave["wave_y"], x + bend["bend_x"] + wave["wave_x"])
        return cut(self._cells, position, np.clip(5.5 + 2.5 * f["glia"], 1, 12))

    def _cytoplasm(self, section: Section, f: dict[str, Values], g: dict[str, Values]) -> Values:
        grain = self._grains[section.owner]
        granules = np.maximum(g["granule"] + 0.6 * g["patch"] - 0.2, 0)
        image = self._greys[section.owner] + 12 - grain * (25 * granules + 4 * g["patch"] - 4 * g["fine"])
        # Endoplasmic reticulum: a level set of a smooth field, two membranes with a pale lumen, in some places only.
        sheet = _level(f["reticulum"], 0.0)
        there = np.clip(2.5 * (f["where"] - 0.5), 0, 1) * (section.depth > 7)
        image -= 38 * there * np.exp(-(((sheet - 2.2) / 1.0) ** 2))
        image += 10 * there * np.exp(-((sheet / 1.2) ** 2))
        return np.asarray(image, dtype=np.float32)

    def _vesicles(self, image: Values, section: Section, z: int) -> None:
        darkness = np.zeros_like(image)
        halo = np.arange(-5, 6)
        for number, cell in enumerate(self._cells):
            near = cell.vesicles[np.abs(cell.vesicles[:, 0] - z) < 4]
            inside = ((near[:, 1:3] >= 5) & (near[:, 1:3] < np.array(image.shape) - 6)).all(axis=1)
            near = near[inside]
            if not len(near):
                continue
            at = np.round(near[:, 1:3]).astype(int)
            own = (section.owner[tuple(at.T)] == number) & (section.depth[tuple(at.T)] > 6)
            at, near = at[own], near[own]
            ys, xs = at[:, :1] + halo, at[:, 1:] + halo
            squared = ((ys - near[:, 1:2]) ** 2)[:, :, None] + ((xs - near[:, 2:3]) ** 2)[:, None, :]
            distance = np.sqrt(squared + ((near[:, 0] - z) ** 2)[:, None, None])
            ring = np.exp(-(((distance - near[:, 3, None, None]) / 0.95) ** 2))
            np.maximum.at(darkness, (ys[:, :, None], xs[:, None, :]), ring.astype(np.float32))
        image -= 50 * darkness


def _level(field: Values, value: float) -> Values:
    """Distance in px, to first order, from the level set `value` of a smooth field."""
    down, right = np.gradient(field)
    return np.asarray(np.abs(field - value) / np.maximum(np.hypot(down, right), 0.02), dtype=np.float32)


def _inside(section: Section, number: int, tube: Tube, margin: float) -> tuple[tuple[slice, slice], Values] | None:
    """Depth in px below an organelle's surface; it stays `margin` px under the membrane of its cell."""
    found = tube_distance(tube, section.position, 2.0)
    if found is None:
        return None
    box, distance = found
    # A soft minimum: where an organelle is pressed against the membrane it keeps round corners.
    depth = -1.5 * np.logaddexp(distance / 1.5, (margin - section.depth[box]) / 1.5)
    depth = np.where(section.owner[box] == number, depth, -9)
    return (box, depth.astype(np.float32)) if depth.max() > 1 else None


def _blend(image: Values, box: tuple[slice, slice], inside: NDArray[np.floating], grey: NDArray[np.floating]) -> None:
    cover = np.clip(inside + 0.5, 0, 1)
    image[box] += (cover * (grey - image[box])).astype(np.float32)


def _line(depth: Values, centre: float, width: float) -> Values:
    return np.asarray(np.exp(-(((depth - centre) / width) ** 2)), dtype=np.float32)


def _mitochondrion(
    image: Values, section: Section, number: int, tube: Tube, f: dict[str, Values], g: dict[str, Values]
) -> None:
    found = _inside(section, number, tube, 5.0)
    if found is None:
        return
    box, depth = found
    axis = tube.points[-1] - tube.points[0]
    axis = axis / np.linalg.norm(axis)
    along = sum(np.float32(c) * p[box] for c, p in zip(axis, section.position, strict=True))
    waves = np.sin(along * (2 * np.pi / 7.5) + 2.2 * f["cristae"][box])
    broken = np.clip(1.2 + 1.2 * f["where"][box] + 0.8 * f["dense"][box], 0.15, 1) * np.clip((depth - 3.5) / 2, 0, 1)
    grey = MATRIX + 4 * g["fine"][box] + 3 * g["granule"][box] + 20 * broken * np.maximum(waves - 0.1, 0)
    grey += 20 * _line(depth, 2.6, 0.9) - 20 * _line(depth, 0.8, 1.1) - 12 * _line(depth, 4.3, 0.9)
    _blend(image, box, depth, grey)


def _nucleus(
    image: Values, section: Section, number: int, tube: Tube, f: dict[str, Values], g: dict[str, Values]
) -> None:
    found = _inside(section, number, tube, 9.0)
    if found is None:
        return
    box, depth = found
    rim = np.exp(-np.maximum(depth, 0) / 7)
    clumps = 1 / (1 + np.exp(-4 * (f["chromatin"][box] + 1.3 * rim - 0.75)))
    grey = 158 - 52 * clumps + 7 * g["patch"][box] + 6 * g["granule"][box] + 4 * g["fine"][box]
    grey += 34 * _line(depth, 3.2, 1.1) - 50 * _line(depth, 0.9, 1.2) - 42 * _line(depth, 5.6, 1.2)
    _blend(image, box, depth, grey)


def _membranes(image: Values, section: Section, f: dict[str, Values], g: dict[str, Values]) -> None:
    """Two dark membranes with a cleft between them that opens here and there; dense zones at contacts."""
    half_cleft = np.clip(0.5 + 0.7 * f["cleft"], 0, 2.2)
    dense = np.clip(1.8 * (f["dense"] - 1.1), 0, 1)
    depth = section.depth
    width = 1.5 + 1.8 * dense + 1.2 * (1 - section.slant)
    dark = np.where(depth < half_cleft + 0.6, 1, np.exp(-(((depth - half_cleft - 0.6) / width) ** 2)))
    dark = dark * (0.72 + 0.25 * section.slant + 0.08 * g["granule"])
    image += (dark * (MEMBRANE - 12 * dense - image)).astype(np.float32)
    cleft = np.clip((half_cleft - depth) / 0.8, 0, 1)
    image += (0.6 * cleft * (116 - image)).astype(np.float32)
