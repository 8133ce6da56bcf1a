"""The results of a benchmark: a row for each run, in a file that a kill at any instant leaves intact."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from pellucid.benchmark.image_score import ImageScore
from pellucid.errors import InputError, nearest
from pellucid.files import writing
from pellucid.methods import Supervision
from pellucid.version import __version__

SCHEMA = 3
"""Version of the results file; others are refused."""

FILE = "results.sqlite"

Scheme = Literal["published", "blocks"]

_KEY = ("method", "dataset", "condition", "scheme", "fold", "seed", "budget")

_TABLE = f"""
CREATE TABLE results (
    method TEXT, dataset TEXT, condition TEXT, scheme TEXT, fold INTEGER, seed INTEGER, budget TEXT,
    status TEXT NOT NULL, psnr REAL, ssim REAL, document TEXT NOT NULL,
    PRIMARY KEY ({", ".join(_KEY)})
)
"""


class RunId(BaseModel):
    """What identifies a run: one method on one fold of one dataset, with one seed.

    Attributes:
        method: name of the method: its recipe, with the settings that are varied, if any.
        dataset: name of the dataset.
        condition: how the training images differ from those of the folds, as in "clean-scale=0.7"; "" if they do not.
        scheme: fold scheme.
        fold: number of the fold, from 0 on.
        seed: seed of the training.
        budget: "paper", or "quick" with steps or seconds, as in "quick steps=200".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    method: str
    dataset: str
    condition: str = ""
    scheme: Scheme
    fold: int
    seed: int
    budget: str

    @property
    def key(self) -> tuple[str, str, str, str, int, int, str]:
        """All attributes, in order."""
        return self.method, self.dataset, self.condition, self.scheme, self.fold, self.seed, self.budget

    @property
    def test_case(self) -> str:
        """Dataset and condition: what the scores of methods are compared on."""
        return f"{self.dataset} {self.condition}".rstrip()

    def __str__(self) -> str:
        return f"{self.method}, {self.test_case}, fold {self.fold}, seed {self.seed}"


class CurvePoint(NamedTuple):
    """Quality on the test images during training; shown only, nothing is chosen by it."""

    step: int
    seconds: float
    psnr: float
    ssim: float


class Result(BaseModel):
    """The result of one run: scores, cost, provenance.

    Attributes:
        run: which run.
        status: "failed" has a message and no scores.
        message: the reason of a failure, in one line.
        scores: the scores of each test image; empty if the truth is not known.
        title: the full name of the method.
        supervision: a value of `Supervision`.
        steps: training steps taken.
        patches: patches of each kind that were used: steps times batch.
        training_seconds: computing time of the training steps.
        denoising_seconds: time for all test images.
        peak_memory: bytes of the process (on a GPU: of its tensors).
        device: "cpu" or the GPU's name.
        threads: number of threads of the process.
        machine, python, torch, pellucid, commit: hardware and versions.
        started: date and time, UTC.
        settings: the settings given with `--set`.
        recipe: every setting of the recipe.
        weights: which weights denoised: the last ones or their average.
        fingerprint: fingerprint of the images.
        planned: fingerprint of the recipe, before steps were fitted to a time.
        code: fingerprint of the code that decides the result.
        training_images: number of training images of each kind.
        curve: quality over steps, if recorded.
        images: the denoised test images, relative to the benchmark's folder, in the order of `names`.
        names: names of the test images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")

    run: RunId
    status: Literal["done", "failed"]
    message: str = ""
    scores: tuple[ImageScore, ...] = ()
    title: str = ""
    supervision: str = ""
    steps: int = 0
    patches: int = 0
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
    planned: str = ""
    code: str = ""
    training_images: dict[str, int] = {}
    curve: tuple[CurvePoint, ...] = ()
    images: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    @property
    def psnr(self) -> float | None:
        """Mean over the test images, in dB; None if the truth is not known."""
        return self.mean("psnr")

    @property
    def ssim(self) -> float | None:
        """Mean over the test images; None if the truth is not known."""
        return self.mean("ssim")

    def mean(self, metric: str) -> float | None:
        """The mean of a metric of `ImageScore` over the test images; None if the truth is not known."""
        values = [getattr(score, metric) for score in self.scores]
        return sum(values) / len(values) if values else None


class ResultsFile:
    """A results file, open for writing; a context manager.

    Args:
        path: path of the file, which is made if it does not exist.

    Raises:
        InputError: the file is not a results file, has another version, or cannot be written.
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
        """Write a row; it replaces a failed row of the same run.

        Raises:
            ValueError: the run is done already; its row is not changed.
        """
        row = (*result.run.key, result.status, result.psnr, result.ssim, result.model_dump_json())
        with _readable(self.path), self._connection as transaction:
            where = " AND ".join(f"{part} = ?" for part in _KEY)
            transaction.execute(f"DELETE FROM results WHERE {where} AND status = 'failed'", row[: len(_KEY)])
            try:
                transaction.execute(f"INSERT INTO results VALUES ({', '.join('?' * len(row))})", row)
            except sqlite3.IntegrityError:
                raise ValueError(f"{result.run}: has its row already") from None

    def __iter__(self) -> Iterator[Result]:
        """All rows, sorted by method, dataset, condition, scheme, fold, seed, budget."""
        return iter(_rows(self._connection, self.path))


def results_path(folder: Path, shard: tuple[int, int] | None = None) -> Path:
    """Path of the results file in a folder, or of that of one shard (number from 1, count)."""
    return folder / (f"results-{shard[0]}of{shard[1]}.sqlite" if shard else FILE)


def read_results(*folders: str | Path) -> list[Result]:
    """Read all results files in some folders, each run once; a finished row is preferred to a failed one.

    The paths in `images` are made absolute.

    Raises:
        InputError: a folder has no results file, or one is damaged or has another version.
    """
    found: list[Result] = []
    for folder in map(Path, folders):
        files = sorted(folder.glob("results*.sqlite"))
        if not files:
            raise InputError(f"{folder}: has no results; give the --out of `pellucid benchmark`")
        found += _located(files)
    return each_run_once(found)


def each_run_once(results: Iterable[Result]) -> list[Result]:
    """Return the first row of each run, sorted by run; a finished row is preferred to a failed one."""
    found: dict[tuple[Any, ...], Result] = {}
    for result in results:
        if found.setdefault(result.run.key, result).status == "failed":
            found[result.run.key] = result
    return [found[key] for key in sorted(found)]


def filters_everywhere(results: Sequence[Result]) -> list[Result]:
    """Return the results, those of filters repeated for each budget and condition of what learns on the same images.

    A filter learns nothing, so it has no budget and no training images: one row of it may stand beside every training.
    """
    found = {result.run: result for result in results if result.supervision != Supervision.NONE}
    trainings: dict[Hashable, set[tuple[str, str]]] = defaultdict(set)
    for run in found:
        trainings[_same_for_filters(run)].add((run.condition, run.budget))
    for result in results:
        if result.supervision == Supervision.NONE:
            own = {(result.run.condition, result.run.budget)}
            for condition, budget in sorted(trainings.get(_same_for_filters(result.run), own)):
                run = result.run.model_copy(update={"condition": condition, "budget": budget})
                found.setdefault(run, result.model_copy(update={"run": run}))
    return list(found.values())


def _same_for_filters(run: RunId) -> Hashable:
    """What decides on the test images and, with the preset, on the settings of a filter."""
    return run.dataset, run.scheme, run.fold, run.budget.split()[0]


def of_datasets(results: Sequence[Result], datasets: Sequence[str]) -> list[Result]:
    """Return the results of some datasets, named as `RunId.test_case`; all if none is named.

    Raises:
        InputError: a dataset has no results; the nearest name is given.
    """
    known = sorted({result.run.test_case for result in results})
    for dataset in datasets:
        if dataset not in known:
            raise InputError(f"no results of dataset {dataset!r}: {nearest(dataset, known)}")
    return [result for result in results if not datasets or result.run.test_case in datasets]


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
    query = f"SELECT document FROM results ORDER BY {', '.join(_KEY)}"
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
                f"{path}: has version {version}, this Pellucid ({__version__}) reads {SCHEMA}: "
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
        raise InputError(f"{path}: is damaged or not a results file ({str(problem).splitlines()[0]})") from None
