"""A job's folder, beside the output as long as the job is not done.

    denoised.zarr.unfinished/
        lock             held by the process that leads the job
        claims           bytes of it are held by the processes that do its blocks
        plan.json        how the images are gone through
        inputs.npz       manifests of the images when the job began
        ledger.sqlite    what the job depends on, and what of it is done
        statistics/      moments of each slab
        files/           the results

Outputs that are whole move to their places.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from pellucid.blockwise.dry_run import refuse_disk
from pellucid.blockwise.ledger import Ledger
from pellucid.blockwise.lock import locked
from pellucid.blockwise.outputs import Outputs
from pellucid.blockwise.plan import PLAN, JobPlan, Request, identity
from pellucid.data.output_paths import refuse_existing
from pellucid.errors import InputError
from pellucid.files import replacing, writing
from pellucid.io.registry import split
from pellucid.report import terminal

_LEDGER = "ledger.sqlite"


@contextmanager
def begun(plan: JobPlan, request: Request) -> Iterator[tuple[Path, Ledger]]:
    """The folder and the ledger of a job, new or gone on with; the folder goes when the job is done.

    Raises:
        InputError: outputs that exist, a disk without room, a job begun with other settings, or led by another process.
    """
    folder = unfinished(request.output)
    key = identity(request)
    if not (folder / _LEDGER).exists():
        refuse_impossible(plan, request)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock", f"{folder}: another process is at work on it; wait for it, or stop it"):
        _agree(folder, key, overwrite=request.wishes.overwrite)
        lost = False
        try:
            with Ledger(folder / _LEDGER) as ledger:
                if ledger.count():
                    terminal.say(f"going on with {folder}: {ledger.count('blocks'):,} blocks are done")
                try:
                    yield folder, ledger
                finally:
                    lost = ledger.is_gone()
        except BaseException as problem:
            if lost:
                pass  # the folder was replaced, and its new content is not this job's to delete
            elif _worth_keeping(folder, problem):
                terminal.say(f"{folder} keeps what is done: the same command goes on with it")
            else:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def unfinished(output: Path) -> Path:
    """The folder of a job, beside its output."""
    file = split(output)[0]
    file = file if file.name not in ("", "..") else file.resolve()  # `.` has no name to append a suffix to
    return file.with_name(f"{file.name}.unfinished")


def _agree(folder: Path, key: Mapping[str, Any], *, overwrite: bool) -> None:
    """Take down what the job depends on; with --overwrite, what was begun with other settings goes."""
    try:
        with Ledger(folder / _LEDGER) as ledger:
            ledger.agree(key)
    except InputError:
        if not overwrite:
            raise
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in ("lock", "claims"):  # who holds them holds them still
                path.unlink()
        with Ledger(folder / _LEDGER) as ledger:
            ledger.agree(key)


def _worth_keeping(folder: Path, problem: BaseException) -> bool:
    """Whether something is done; what was only measured counts unless images or wishes are to blame."""
    with Ledger(folder / _LEDGER) as ledger:
        measured = ledger.count("statistics") and not isinstance(problem, InputError)
        return bool(ledger.count("blocks") or measured)


def refuse_impossible(plan: JobPlan, request: Request) -> None:
    """Raise InputError if results exist, cannot be written there, or cannot be held by the formats asked for."""
    images = request.source.images
    paths = [Path(path) for volume in plan.volumes for path in volume.results.values()]
    if not request.wishes.overwrite:
        refuse_existing(paths)
    for volume, image in zip(plan.volumes, images, strict=True):
        Outputs(Path(), plan, volume, image).check()
    refuse_disk(plan, images)


def kept(plan: JobPlan, folder: Path) -> JobPlan:
    """The plan that the job in a folder was begun with; this one, from now on, if it is new."""
    path = folder / PLAN
    if path.exists():
        return JobPlan.model_validate_json(path.read_text(encoding="utf-8"))
    with replacing(path) as temporary:
        temporary.write_text(plan.model_dump_json(indent=1), encoding="utf-8")
    return plan
