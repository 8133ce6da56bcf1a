"""Interpolation of norm statistics along Z, so that no jump shows between slabs of a volume whose contrast drifts."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence

from pellucid.inference.statistics import Statistics
from pellucid.norms import Moments


class ZInterpolation:
    """Statistics by place along Z: constant before the first known place and behind the last.

    Args:
        places: where statistics are known, ascending; at least one.
        known: returns the statistics of the place with a number.
    """

    def __init__(self, places: Sequence[float], known: Callable[[int], Statistics]) -> None:
        self._places = list(places)
        self._known = known

    def at(self, place: float) -> Statistics:
        """Means and variances interpolated linearly between the two nearest places."""
        right = bisect.bisect_right(self._places, place)
        if right == 0:
            return self._known(0)
        left = right - 1
        if right == len(self._places) or self._places[left] == place:
            return self._known(left)
        share = (place - self._places[left]) / (self._places[right] - self._places[left])
        return [_between(a, b, share) for a, b in zip(self._known(left), self._known(right), strict=True)]


def _between(one: Mapping[str, Moments], other: Mapping[str, Moments], share: float) -> dict[str, Moments]:
    return {
        name: Moments(
            one[name].mean.lerp(other[name].mean, share), one[name].var.lerp(other[name].var, share), one[name].pixels
        )
        for name in one
    }
