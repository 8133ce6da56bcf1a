"""What all tabs of one server share: the folders that may be shown, the folder for results, and who computes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pellucid.app.open_images import OpenImages
from pellucid.app.roots import Roots
from pellucid.app.trial import Trials
from pellucid.files import writing

T = TypeVar("T")

COMPUTING = 1
"""Computations at once; each uses all cores."""
READING = 4
"""Tiles that are read at once."""


class Workplace:
    """The folders, and threads for what would keep the server from answering.

    Args:
        folders: that may be shown.
        folder: where results, runs and uploads go; it is created when something is written, and may be shown.

    Attributes:
        roots: of all paths that a page may name.
        folder: absolute.
        images: that pages look at.
        trials: of methods on parts of them.
    """

    def __init__(self, folders: list[Path], folder: Path) -> None:
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)
        self.roots = Roots([*folders, folder])
        self.folder = folder.resolve()
        self.images = OpenImages(self.roots)
        self.trials = Trials()
        self._computing = ThreadPoolExecutor(COMPUTING, "compute")
        self._reading = ThreadPoolExecutor(READING, "read")

    async def compute(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a function that computes long, after those that were called before it."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._computing, partial(function, *args, **options))

    async def read(self, function: Callable[..., T], *args: Any, **options: Any) -> T:
        """Call a function that reads files."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._reading, partial(function, *args, **options))

    def close(self) -> None:
        """Drop what waits to be computed."""
        for pool in (self._computing, self._reading):
            pool.shutdown(wait=False, cancel_futures=True)
