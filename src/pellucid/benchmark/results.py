"""What a benchmark has found: one row for each unit, in a file that a kill at any instant leaves whole."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from pellucid.errors import InputError
from pellucid.evaluation import Score
from pellucid.files import writing
from pellucid.version import __version__

SCHEMA = 1
"""Version of the results file; another one is refused."""

FILE = "results.sqlite"

Scheme = Literal["published", "blocks"]

_TABLE = """
CREATE TABLE results (
    method TEXT, data TEXT, scheme TEXT, fold INTEGER, seed INTEGER, budget TEXT,
    status TEXT NOT NULL, psnr REAL, ssim REAL, document TEXT NOT NULL,
    PRIMARY KEY (method, data, scheme, fold, seed, budget)
)
"""


class Unit(BaseModel):
    """What tells one training (or filtering) of a benchmark from all others.

    Attributes:
        method: label in tables: the recipe's name, with what was varied where something was.
        case: name of the data set.
        scheme: how the folds were made.
        fold: number of the fold from 0 on; its images are the test images.
        seed: of the training.
        budget: "paper", or "quick" with what it was, as in "quick steps=200".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    case: str
    scheme: Scheme
    fold: int
    seed: int
    budget: str

    @property
    def key(self) -> tuple[str, str, str, int, int, str]:
        """All of it, in this order."""
        return self.method, self.case, self.scheme, self.fold, self.seed, self.budget

    def __str__(self) -> str:
        return f"{self.method}, {self.case}, fold {self.fold}, seed {self.seed}"


class CurvePoint(NamedTuple):
    """Quality on the test images during training: for looking at only, nothing is chosen by it."""

    step: int
    seconds: float
    psnr: float
    ssim: float


class Result(BaseModel):
    """One unit: how good, at which cost, made of what.

    Attributes:
        unit: which one.
        status: "failed" has a message and no scores.
        message: why it failed, in one line.
        scores: PSNR (dB) and SSIM of each test image on the scale 0 to 255; empty where no truth is known.
        title: the method's name in full.
        supervision: what it learns from, as `Supervision` has it.
        steps: training steps taken.
        tiles: patches of each kind seen: steps times batch.
        training_seconds: computing time of the steps alone.
        denoising_seconds: for all test images.
        peak_memory: bytes of the unit's process (on a GPU: of its tensors).
        device: "cpu" or the GPU's name.
        threads: of the unit's process.
        machine, python, torch, pellucid, commit: on what it ran.
        started: date and time, UTC.
        settings: what was asked to differ from the recipe.
        recipe: every setting; empty where it could not be made.
        weights: which weights denoised.
        fingerprint: of the data set's files.
        training_images: how many of each kind were learned from.
        curve: quality over steps, if asked for.
        images: the denoised test images, relative to the results file's folder, in the order of `names`.
        names: of the test images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    unit: Unit
    status: Literal["done", "failed"]
    message: str = ""
    scores: tuple[Score, ...] = ()
    title: str = ""
    supervision: str = ""
    steps: int = 0
    tiles: int = 0
    training_seconds: float = 0.0
    denoising_seconds: float = 0.0
    peak_memory: int = 0
    device: str = ""
    threads: int = 0
    machine: str = ""
    python: str = ""
    torch: str = ""
    pellucid: str = __version__
    commit: str | None = None
    started: str = ""
    settings: dict[str, Any] = {}
    recipe: dict[str, Any] = {}
    weights: str = ""
    fingerprint: str = ""
    training_images: dict[str, int] = {}
    curve: tuple[CurvePoint, ...] = ()
    images: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def psnr(self) -> float | None:
        """Mean over the test images, in dB; None without a truth."""
        return sum(score.psnr for score in self.scores) / len(self.scores) if self.scores else None

    @property
    def ssim(self) -> float | None:
        """Mean over the test images; None without a truth."""
        return sum(score.ssim for score in self.scores) / len(self.scores) if self.scores else None


class Results:
    """A results file, open for writing. Use it as a context.

    Args:
        path: of the file; made if it is not there.

    Raises:
        InputError: the file is no results file, of another version, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
        self._connection = _connect(path, create=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def add(self, result: Result) -> None:
        """Write a row; a failed row gives way to a later one of the same unit.

        Raises:
            ValueError: the unit is done already; its row stays as it is.
        """
        row = (*result.unit.key, result.status, result.psnr, result.ssim, result.model_dump_json())
        with _readable(self.path), self._connection as transaction:
            where = "method = ? AND data = ? AND scheme = ? AND fold = ? AND seed = ? AND budget = ?"
            transaction.execute(f"DELETE FROM results WHERE {where} AND status = 'failed'", row[:6])
            try:
                transaction.execute("INSERT INTO results VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise ValueError(f"{result.unit}: has its row already") from None

    def __iter__(self) -> Iterator[Result]:
        """Every row, by method, case, scheme, fold, seed, budget."""
        return iter(_rows(self._connection, self.path))


def results_file(folder: Path, shard: tuple[int, int] | None = None) -> Path:
    """The results file of a folder, or of one shard (number from 1, count) of its work."""
    return folder / (f"results-{shard[0]}of{shard[1]}.sqlite" if shard else FILE)


def read_results(*folders: str | Path) -> list[Result]:
    """All rows of all results files in some folders, each unit once: a finished row goes before a failed one.

    The paths in `images` are made absolute.

    Raises:
        InputError: no results file is there, or one is damaged or of another version.
    """
    found: dict[tuple[Any, ...], Result] = {}
    for folder in map(Path, folders):
        files = sorted(folder.glob("results*.sqlite"))
        if not files:
            raise InputError(f"{folder}: has no results in it; give the --out of `pellucid benchmark`")
        for result in _located(files):
            if found.get(result.unit.key, result).status == "failed" or result.unit.key not in found:
                found[result.unit.key] = result
    return [found[key] for key in sorted(found)]


def _located(files: Iterable[Path]) -> Iterator[Result]:
    for path in files:
        connection = _connect(path, create=False)
        try:
            for result in _rows(connection, path):
                images = tuple(str(path.parent.absolute() / image) for image in result.images)
                yield result.model_copy(update={"images": images})
        finally:
            connection.close()


def _rows(connection: sqlite3.Connection, path: Path) -> list[Result]:
    query = "SELECT document FROM results ORDER BY method, data, scheme, fold, seed, budget"
    with _readable(path):
        return [Result.model_validate_json(document) for (document,) in connection.execute(query)]


def _connect(path: Path, *, create: bool) -> sqlite3.Connection:
    with _readable(path):
        uri = f"{path.absolute().as_uri()}?mode={'rwc' if create else 'rw'}"
        connection = sqlite3.connect(uri, uri=True, timeout=60)
        try:
            _check_version(connection, path, create)
        except BaseException:
            connection.close()
            raise
        return connection


def _check_version(connection: sqlite3.Connection, path: Path, create: bool) -> None:
    with connection:
        connection.execute("BEGIN IMMEDIATE" if create else "BEGIN")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if create and version == 0 and tables == 0:
            connection.execute(_TABLE)
            connection.execute(f"PRAGMA user_version = {SCHEMA}")
        elif version != SCHEMA:
            raise InputError(
                f"{path}: its version is {version}, this Pellucid ({__version__}) knows {SCHEMA}: "
                "use the Pellucid that wrote it, or another --out"
            )


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.OperationalError as problem:
        raise InputError(f"{path}: cannot be used ({problem}); is the folder writable, the disk full?") from None
    except (sqlite3.DatabaseError, ValidationError) as problem:
        if isinstance(problem, sqlite3.IntegrityError):
            raise
        raise InputError(f"{path}: is damaged or no results file ({str(problem).splitlines()[0]})") from None
