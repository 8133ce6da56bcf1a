"""What of a job is done: a small database in its folder, written by one process, read again after a kill.

A block is marked when it is written. Marks reach the disk every now and then: what a kill takes is computed again,
with the same result. The ledger holds what the job depends on; with anything else it is not gone on with.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.errors import InputError
from pellucid.evaluation import RemovedNoise

_TABLES = """
    CREATE TABLE IF NOT EXISTS job (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS done (
        stage TEXT, image INTEGER, number INTEGER, clipped INTEGER, missing INTEGER, kept INTEGER,
        PRIMARY KEY (stage, image, number)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS removed (
        image INTEGER, number INTEGER,
        pixels INTEGER, mean REAL, denoised_mean REAL, squares REAL, denoised_squares REAL, products REAL,
        PRIMARY KEY (image, number)) WITHOUT ROWID;
"""
_PATIENCE = 2.0
"""Seconds that a mark may wait before it reaches the disk."""


class Task(NamedTuple):
    """A piece of work that is done whole or not at all.

    Attributes:
        stage: "statistics", "create", "blocks", "levels", "move" or "finish".
        image: which of the job's images; for statistics 0.
        level: of the pyramid; 0 is full resolution.
        number: which slab, or which block of the level.
    """

    stage: str
    image: int = 0
    level: int = 0
    number: int = 0

    @property
    def row(self) -> tuple[str, int, int]:
        """How the ledger calls it."""
        return f"{self.stage}{self.level or ''}", self.image, self.number


class Outcome(NamedTuple):
    """What there is to say of a task that is done.

    Attributes:
        clipped: pixels that did not fit the pixel type.
        missing: pixels that are no numbers and were kept so.
        kept: pixels of padding, which were kept.
        removed: what was removed from all other pixels.
    """

    clipped: int = 0
    missing: int = 0
    kept: int = 0
    removed: RemovedNoise = RemovedNoise()

    def __add__(self, other: Outcome) -> Outcome:  # type: ignore[override]
        return Outcome(
            self.clipped + other.clipped,
            self.missing + other.missing,
            self.kept + other.kept,
            self.removed + other.removed,
        )


class Ledger:
    """The marks of one job; use it in a `with` block, from one thread.

    Args:
        path: of the file; made if it is not there.

    Raises:
        InputError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._base = sqlite3.connect(path)
        try:
            _check(self._base)
            self._base.execute("PRAGMA journal_mode = TRUNCATE")  # needs no shared memory: folders may be on a network
            self._base.executescript(_TABLES)
        except sqlite3.DatabaseError as problem:
            self._base.close()
            why = " ".join(str(problem).split())
            raise InputError(f"{path}: damaged ({why}); begin again with --overwrite") from None
        self._saved = time.monotonic()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *error: object) -> None:
        self._base.commit()
        self._base.close()

    def agree(self, key: Mapping[str, Any]) -> None:
        """Take down what the job depends on; if that is there already, it must be the same.

        Raises:
            InputError: something has changed; it says what.
        """
        new = {name: json.dumps(value, sort_keys=True) for name, value in key.items()}
        with closing(self._base.execute("SELECT name, value FROM job")) as rows:
            old = dict(rows)
        if old and old != new:
            changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
            said = "; ".join(f"{name} was {_short(old.get(name))}, now {_short(new.get(name))}" for name in changed)
            raise InputError(
                f"{self.path.parent}: begun with other settings ({said}): "
                "use those to go on with it, or --overwrite to begin again"
            )
        self._base.executemany("INSERT OR IGNORE INTO job VALUES (?, ?)", new.items())
        self._base.commit()

    def has(self, task: Task) -> bool:
        """Whether a task is done."""
        found = self._base.execute("SELECT 1 FROM done WHERE stage = ? AND image = ? AND number = ?", task.row)
        return found.fetchone() is not None

    def mark(self, task: Task, outcome: Outcome) -> None:
        """A task is done."""
        *counts, removed = outcome
        self._base.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?, ?)", (*task.row, *counts))
        if task.stage == "blocks" and removed.pixels:
            row = (task.image, task.number, *removed)
            self._base.execute("INSERT OR REPLACE INTO removed VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        if time.monotonic() - self._saved > _PATIENCE:
            self.save()

    def save(self) -> None:
        """Bring all marks to the disk."""
        self._base.commit()
        self._saved = time.monotonic()

    def count(self, stage: str | None = None) -> int:
        """How many tasks are done, of a stage or in all."""
        chosen, values = ("", ()) if stage is None else (" WHERE stage = ?", (stage,))
        return int(self._base.execute(f"SELECT COUNT(*) FROM done{chosen}", values).fetchone()[0])

    def outcome(self, image: int) -> Outcome:
        """What the blocks of an image have had to say, in all."""
        query = "SELECT SUM(clipped), SUM(missing), SUM(kept) FROM done WHERE stage = 'blocks' AND image = ?"
        clipped, missing, kept = (value or 0 for value in self._base.execute(query, (image,)).fetchone())
        return Outcome(clipped, missing, kept, self._removed(image))

    def _removed(self, image: int) -> RemovedNoise:
        query = (
            "SELECT pixels, mean, denoised_mean, squares, denoised_squares, products FROM removed "
            "WHERE image = ? ORDER BY number"
        )
        blocks = (RemovedNoise(*row) for row in self._base.execute(query, (image,)))
        return reduce(RemovedNoise.__add__, blocks, RemovedNoise())


def _check(base: sqlite3.Connection) -> None:
    (found,) = base.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= 60 else f"{value[:57]}..."
