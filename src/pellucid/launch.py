"""What torchrun tells each process that it starts: how many there are, and which one this is."""

from __future__ import annotations

import os
from typing import NamedTuple


class Share(NamedTuple):
    """A part of something that is divided equally: number `rank`, from 0, of `size`."""

    rank: int = 0
    size: int = 1


WHOLE = Share()


def share() -> Share:
    """This process's part in all that is done together; the whole without torchrun."""
    return Share(_told("RANK", 0), _told("WORLD_SIZE", 1))


def local_share() -> Share:
    """Its part in this machine, as processes on other machines have theirs."""
    return Share(_told("LOCAL_RANK", 0), _told("LOCAL_WORLD_SIZE", 1))


def leads() -> bool:
    """Whether this process speaks for all: it writes, draws and shows."""
    return share().rank == 0


def _told(name: str, otherwise: int) -> int:
    return int(os.environ.get(name, otherwise)) if "WORLD_SIZE" in os.environ else otherwise
