"""The ledger of a run, which tasks are done: a small database in its folder, written by the leading process alone.

A block is recorded when it is written. Records reach the disk every few seconds: what a kill takes is computed again,
with the same result. The ledger also holds what the run depends on; with anything else it is not resumed.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from pellucid.errors import InputError, RunError
from pellucid.evaluation import PairMoments, RemovedNoise
from pellucid.files import writing

_FIGURES = [f"{moments}_{figure}" for moments in RemovedNoise._fields for figure in PairMoments._fields]
_TABLES = f"""
    CREATE TABLE IF NOT EXISTS run (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    CREATE TABLE IF NOT EXISTS done (
        stage TEXT, image INTEGER, number INTEGER, clipped INTEGER, missing INTEGER, kept INTEGER,
        written INTEGER, PRIMARY KEY (stage, image, number)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS removed (
        image INTEGER, number INTEGER, {" REAL, ".join(_FIGURES)} REAL, PRIMARY KEY (image, number)) WITHOUT ROWID;
"""
_PATIENCE = 2.0
"""Seconds after which records reach the disk."""


class Task(NamedTuple):
    """A piece of work that is done as a whole or not at all.

    Attributes:
        stage: "statistics", "create", "blocks", "levels", "move" or "finish".
        image: number of the image; for statistics 0.
        level: of the pyramid; 0 is full resolution.
        number: of the slab, or of the block in its level.
    """

    stage: str
    image: int = 0
    level: int = 0
    number: int = 0

    @property
    def row(self) -> tuple[str, int, int]:
        """Its key in the ledger."""
        return f"{self.stage}{self.level or ''}", self.image, self.number


class Outcome(NamedTuple):
    """The result of a finished task.

    Attributes:
        clipped: number of pixels clipped to the range of the pixel type.
        missing: number of pixels that are not finite; they are copied unchanged.
        kept: number of padding pixels, copied unchanged.
        removed: statistics of the noise removed from all other pixels.
        written: amount on disk: number of chunk files, or bytes for formats with one file per image.
    """

    clipped: int = 0
    missing: int = 0
    kept: int = 0
    removed: RemovedNoise = RemovedNoise()
    written: int = 0

    def __add__(self, other: Outcome) -> Outcome:  # type: ignore[override]
        return Outcome(
            self.clipped + other.clipped,
            self.missing + other.missing,
            self.kept + other.kept,
            self.removed + other.removed,
            self.written + other.written,
        )


class Ledger:
    """The record of one run; use it in a `with` block, from one thread.

    Args:
        path: of the file; created if it does not exist.

    Raises:
        InputError: the file is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with writing(path):
            path.touch()
        self._opened = path.stat()
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
        with suppress(sqlite3.Error):  # tasks that are not recorded are simply done again
            self._base.commit()
        self._base.close()

    def agree(self, key: Mapping[str, Any]) -> None:
        """Record what the run depends on; if that is recorded already, it must be the same.

        Raises:
            InputError: something has changed; the message says what.
        """
        new = {name: json.dumps(value, sort_keys=True) for name, value in key.items()}
        with closing(self._base.execute("SELECT name, value FROM run")) as rows:
            old = dict(rows)
        if old and old != new:
            changed = [name for name in {**old, **new} if old.get(name) != new.get(name)]
            said = "; ".join(f"{name} was {_short(old.get(name))}, now {_short(new.get(name))}" for name in changed)
            raise InputError(
                f"{self.path.parent}: begun with other settings ({said}): "
                "use those to go on with it, or --overwrite to begin again"
            )
        self._base.executemany("INSERT OR IGNORE INTO run VALUES (?, ?)", new.items())
        self._base.commit()

    def has(self, task: Task) -> bool:
        """Whether a task is done."""
        found = self._base.execute("SELECT 1 FROM done WHERE stage = ? AND image = ? AND number = ?", task.row)
        return found.fetchone() is not None

    def mark(self, task: Task, outcome: Outcome) -> None:
        """Record that a task is done."""
        counts = outcome.clipped, outcome.missing, outcome.kept, outcome.written
        with self._writing():
            self._base.execute("INSERT OR REPLACE INTO done VALUES (?, ?, ?, ?, ?, ?, ?)", (*task.row, *counts))
            if task.stage == "blocks" and outcome.removed.pixels.number:
                row = (task.image, task.number, *chain.from_iterable(outcome.removed))
                values = ", ".join("?" * len(row))
                self._base.execute(f"INSERT OR REPLACE INTO removed VALUES ({values})", row)
        if time.monotonic() - self._saved > _PATIENCE:
            self.save()

    def save(self) -> None:
        """Commit all records to disk.

        Raises:
            RunError: the disk is full, or the ledger's file has been removed.
        """
        with self._writing():
            self._base.commit()
        self._saved = time.monotonic()
        if self.is_gone():
            raise RunError(f"{self.path}: removed during the run: run the same command again")

    def is_gone(self) -> bool:
        """Whether the ledger's file has been removed or replaced since it was opened."""
        try:
            return not os.path.samestat(self._opened, self.path.stat())
        except (FileNotFoundError, NotADirectoryError):
            return True

    def forget(self, image: int) -> None:
        """Mark every task of an image as not done, except its statistics."""
        with self._writing():
            for table in ("done WHERE stage != 'statistics' AND", "removed WHERE"):
                self._base.execute(f"DELETE FROM {table} image = ?", (image,))
        self.save()

    def count(self, stage: str | None = None) -> int:
        """The number of tasks that are done, of a stage or in all."""
        chosen, values = ("", ()) if stage is None else (" WHERE stage = ?", (stage,))
        return int(self._base.execute(f"SELECT COUNT(*) FROM done{chosen}", values).fetchone()[0])

    def undo(self, task: Task) -> None:
        """Mark a task as not done."""
        with self._writing():
            self._base.execute("DELETE FROM done WHERE stage = ? AND image = ? AND number = ?", task.row)

    def clear(self) -> None:
        """Mark every task as not done."""
        with self._writing():
            for table in ("done", "removed"):
                self._base.execute(f"DELETE FROM {table}")
        self.save()

    def outcome(self, image: int) -> Outcome:
        """The outcome of all blocks of an image together."""
        sums = "SUM(clipped), SUM(missing), SUM(kept), SUM(written)"
        query = f"SELECT {sums} FROM done WHERE stage = 'blocks' AND image = ?"
        clipped, missing, kept, written = (value or 0 for value in self._base.execute(query, (image,)).fetchone())
        return Outcome(clipped, missing, kept, self._removed(image), written)

    def written(self, image: int) -> int:
        """The amount of an image's results that must be on disk, in the unit of `Outcome.written`."""
        query = "SELECT SUM(written) FROM done WHERE stage != 'statistics' AND image = ?"
        return int(self._base.execute(query, (image,)).fetchone()[0] or 0)

    def written_by(self, task: Task) -> int:
        """The amount that a finished task wrote to disk, in the unit of `Outcome.written`."""
        query = "SELECT written FROM done WHERE stage = ? AND image = ? AND number = ?"
        return int(self._base.execute(query, task.row).fetchone()[0])

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as problem:
            why = f"cannot be written ({problem}): check the disk space, then"
            if self.is_gone():
                why = "removed during the run:"
            raise RunError(f"{self.path}: {why} run the same command again") from problem

    def _removed(self, image: int) -> RemovedNoise:
        rows = self._base.execute("SELECT * FROM removed WHERE image = ? ORDER BY number", (image,))
        return sum((_moments(figures) for _, _, *figures in rows), RemovedNoise())


def _moments(figures: Sequence[float]) -> RemovedNoise:
    """The moments of a block from its row."""
    each = len(PairMoments._fields)
    parts = (figures[start : start + each] for start in range(0, len(figures), each))
    return RemovedNoise(*(PairMoments(int(number), *rest) for number, *rest in parts))


def _check(base: sqlite3.Connection) -> None:
    (found,) = base.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise sqlite3.DatabaseError(found)


def _short(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= 60 else f"{value[:57]}..."
