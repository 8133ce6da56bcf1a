"""The folder of a blockwise run, beside the output until the run is done.

    denoised.zarr.unfinished/
        lock             held by the process that leads the run
        leader           token of that process: whatever writes for an earlier one is refused
        plan.json        how the images are denoised
        inputs.npz       manifests of the images when the run began
        ledger.sqlite    what the run depends on, and which tasks are done
        statistics/      moments of each slab
        files/           the results

Complete outputs move to their final names.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from pellucid.blockwise.ledger import Ledger
from pellucid.blockwise.lock import locked, renew_token
from pellucid.blockwise.plan import PLAN, BlockwisePlan
from pellucid.errors import InputError
from pellucid.files import replacing, writing
from pellucid.io.image import Image
from pellucid.io.manifest import Manifest
from pellucid.io.registry import split
from pellucid.report import terminal

_LEDGER = "ledger.sqlite"
_INPUTS = "inputs.npz"


def unfinished(output: Path) -> Path:
    """The folder of a run, beside its output."""
    file = split(output)[0]
    file = file if file.name not in ("", "..") else file.resolve()  # `.` has no name to append a suffix to
    return file.with_name(f"{file.name}.unfinished")


def is_begun(folder: Path) -> bool:
    """Whether a run in a folder has begun."""
    return (folder / _LEDGER).exists()


@contextmanager
def led(folder: Path, identity: Mapping[str, Any], *, overwrite: bool) -> Iterator[Ledger]:
    """Lead the run in a folder, new or resumed, for the length of the block; the folder goes when the run is done.

    Args:
        folder: of the run.
        identity: all that its result depends on.
        overwrite: delete what was begun with another identity.

    Raises:
        InputError: the run was begun with other settings, or another process leads it.
    """
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with locked(folder / "lock", f"{folder}: another process is at work on it; wait for it, or stop it"):
        _agree(folder, identity, overwrite=overwrite)
        renew_token(folder)
        lost = False
        try:
            with Ledger(folder / _LEDGER) as ledger:
                if ledger.count():
                    terminal.say(f"going on with {folder}: {ledger.count('blocks'):,} blocks are done")
                try:
                    yield ledger
                finally:
                    lost = ledger.is_gone()
        except BaseException as problem:
            if lost:
                pass  # the folder was replaced, and its new content is not this run's to delete
            elif _worth_keeping(folder, problem):
                terminal.say(f"{folder} keeps what is done: the same command goes on with it")
            else:
                shutil.rmtree(folder, ignore_errors=True)
            raise
        shutil.rmtree(folder, ignore_errors=True)  # a worker that was given up may still write there


def _agree(folder: Path, identity: Mapping[str, Any], *, overwrite: bool) -> None:
    """Record what the run depends on; with --overwrite, delete what was begun with other settings."""
    try:
        with Ledger(folder / _LEDGER) as ledger:
            ledger.agree(identity)
    except InputError:
        if not overwrite:
            raise
        for path in folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name != "lock":  # held by this process
                path.unlink()
        with Ledger(folder / _LEDGER) as ledger:
            ledger.agree(identity)


def _worth_keeping(folder: Path, problem: BaseException) -> bool:
    """Whether blocks are done, or statistics are measured and neither images nor options are to blame."""
    with Ledger(folder / _LEDGER) as ledger:
        measured = ledger.count("statistics") and not isinstance(problem, InputError)
        return bool(ledger.count("blocks") or measured)


def keep_plan(folder: Path, plan: BlockwisePlan) -> BlockwisePlan:
    """Save the plan of a new run; return that which a resumed run was begun with, with the options of now."""
    path = folder / PLAN
    if path.exists():
        begun = BlockwisePlan.model_validate_json(path.read_text(encoding="utf-8"))
        return begun.model_copy(update={"options": plan.options})
    with replacing(path) as temporary:
        temporary.write_text(plan.model_dump_json(indent=1), encoding="utf-8")
    return plan


def save_manifests(folder: Path, images: Sequence[Image]) -> None:
    """Save the manifests that later reads of the images are checked against."""
    found = [image.known or Manifest() for image in images]
    numbers = np.array([(one.files, one.size, one.newest, one.chunks) for one in found], np.int64)
    with replacing(folder / _INPUTS, overwrite=True) as path:
        np.savez_compressed(
            path, numbers=numbers, present=np.frombuffer(b"".join(one.present for one in found), np.uint8)
        )


def load_manifests(folder: Path, images: Sequence[Image]) -> None:
    """Load the saved manifests; from then on, reads of the images are checked against them."""
    with np.load(folder / _INPUTS) as kept:
        numbers, present = kept["numbers"], kept["present"]
    ends = np.cumsum([-(-int(chunks) // 8) for *_, chunks in numbers])
    for image, row, bits in zip(images, numbers, np.split(present, ends[:-1]), strict=True):
        files, size, newest, chunks = map(int, row)
        image.known = Manifest(files, size, newest, chunks, bits.tobytes())
