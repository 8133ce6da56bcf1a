"""What torchrun tells each process that it starts: how many there are, and which one this is. Needs no torch."""

from __future__ import annotations

import os
from typing import NamedTuple


class Share(NamedTuple):
    """One of `size` equal parts, number `rank` from 0."""

    rank: int = 0
    size: int = 1


WHOLE = Share()


def share() -> Share:
    """The part of this process in the common work; the whole without torchrun."""
    return Share(_variable("RANK", 0), _variable("WORLD_SIZE", 1))


def local_share() -> Share:
    """The part of this process among those on this machine."""
    return Share(_variable("LOCAL_RANK", 0), _variable("LOCAL_WORLD_SIZE", 1))


def leads() -> bool:
    """Whether this process leads: it alone writes files and prints."""
    return share().rank == 0


def _variable(name: str, default: int) -> int:
    return int(os.environ.get(name, default)) if "WORLD_SIZE" in os.environ else default
