"""From a source of noisy images to denoised files, of any size: what the rooms above call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from pellucid.images import Source
from pellucid.jobs.cleaner import Cleaner
from pellucid.jobs.cluster import Cluster
from pellucid.jobs.folder import begun, kept, refuse_impossible
from pellucid.jobs.forecast import forecast, measure_tile, tell
from pellucid.jobs.job import Job, Written
from pellucid.jobs.ledger import Ledger, Task
from pellucid.jobs.pipeline import Pipeline, Runner
from pellucid.jobs.planning import JobPlan, Wishes, make_plan
from pellucid.jobs.progress import Advance, denoising_bar
from pellucid.jobs.worker import Worker
from pellucid.report import terminal

_WORTH_TELLING = 8e6
"""Pixels from which a job's plan is printed before it starts."""


def denoise_source(
    source: Source, spec: Any, output: Path, cleaner: Cleaner, wishes: Wishes, cluster: Cluster | None = None
) -> list[Written]:
    """Denoise images of any size into files of the same format, dtype, axes and pixel size.

    Stopped, and called again with the same images, model and wishes, it goes on where it was.

    Args:
        source: the noisy images.
        spec: what the user called them.
        output: a file for one image, else a folder.
        cleaner: what denoises.
        wishes: what else is asked for.
        cluster: who does it, if not this process.

    Raises:
        InputError: images, outputs or wishes that cannot be used, or a job begun with others.
        RunError: the disk is full, the cluster is lost, or some blocks failed again and again; the others are done.
    """
    if cluster is not None:
        cleaner = replace(cleaner, memory=cluster.share(cleaner.memory))
    large = source.pixels >= _WORTH_TELLING
    tile = measure_tile(source.images[0], cleaner) if large else None
    plan = make_plan(source, spec, output, cleaner, wishes, tile)
    with begun(plan, source, output, cleaner, wishes) as (folder, ledger):
        plan = kept(plan, folder)
        if tile:
            tell(plan, source.images, cleaner, forecast(plan, cleaner, tile))
        with Worker(folder, plan, cleaner, _tell_of_smaller) as worker:
            job = Job(plan, worker, ledger, overwrite=wishes.overwrite)
            if cluster is None:
                groups: Iterable[Sequence[int]] = ([image] for image in range(len(plan.volumes)))
                runners: AbstractContextManager[Runner] = nullcontext(Pipeline(worker, wishes.retries))
            else:
                groups = [range(len(plan.volumes))]  # so that no worker waits for the last block of an image
                job.refuse_unshared(local=cluster.processes is not None)
                runners = cluster.runner(folder, cleaner, wishes.retries)
            with runners as runner:
                job.measure(runner)
                with _bar(plan, ledger, cleaner) as advance:
                    return job.run(runner, groups, advance)


def _bar(plan: JobPlan, ledger: Ledger, cleaner: Cleaner) -> AbstractContextManager[Advance]:
    done = sum(volume.planes for number, volume in enumerate(plan.volumes) if ledger.has(Task("finish", number)))
    pixels = sum(math.prod(volume.shape) for volume in plan.volumes)
    return denoising_bar(cleaner.denoiser, sum(volume.planes for volume in plan.volumes), pixels, done)


def foresee(source: Source, spec: Any, output: Path, cleaner: Cleaner, wishes: Wishes) -> None:
    """Print what `denoise_source` would do, and do nothing.

    Raises:
        InputError: as there.
    """
    tile = measure_tile(source.images[0], cleaner)
    plan = make_plan(source, spec, output, cleaner, wishes, tile)
    refuse_impossible(plan, source, wishes)
    tell(plan, source.images, cleaner, forecast(plan, cleaner, tile))


def _tell_of_smaller(side: int) -> None:
    terminal.warn(f"out of memory: going on with tiles of {side} pixels")
