"""Pictures and pages for people: image grids, error maps, loss curves, a self-contained HTML report, the terminal."""

import random

_random = random.getstate()  # importing Rich draws from Python's random numbers, which belong to the host
import rich.style  # noqa: E402, F401

random.setstate(_random)
