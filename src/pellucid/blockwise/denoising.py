"""From a source of noisy images to denoised files, of any size: what the rooms above call."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import replace

from pellucid.blockwise import inputs
from pellucid.blockwise.audit import Audit
from pellucid.blockwise.blocks import Worker
from pellucid.blockwise.cluster import Cluster
from pellucid.blockwise.denoiser_spec import DenoiserSpec
from pellucid.blockwise.dry_run import forecast, measure_tile, tell
from pellucid.blockwise.folder import begun, kept, refuse_impossible
from pellucid.blockwise.ledger import Ledger, Task
from pellucid.blockwise.plan import JobPlan, Request, make_plan
from pellucid.blockwise.progress import Advance, ToldTime, denoising_bar
from pellucid.blockwise.run import Job, Written
from pellucid.blockwise.serial import Pipeline, Runner
from pellucid.errors import InputError
from pellucid.report import terminal

_WORTH_TELLING = 8e6
"""Pixels from which a job's plan is printed before it starts."""


def denoise_source(request: Request, cluster: Cluster | None = None) -> list[Written]:
    """Denoise images of any size into files of the same format, dtype, axes and pixel size.

    Stopped, and called again with the same images, model and wishes, it goes on where it was.

    Args:
        request: which, by what and where to.
        cluster: who does it, if not this process.

    Raises:
        InputError: images, outputs or wishes that cannot be used, or a job begun with others.
        RunError: the disk is full, the cluster is lost, or some blocks failed again and again; the others are done.
    """
    if cluster is not None:
        request = replace(request, cleaner=cluster.sharing(request.cleaner))
    source, cleaner, wishes = request.source, request.cleaner, request.wishes
    large = source.pixels >= _WORTH_TELLING
    tile = measure_tile(source.images[0], cleaner) if large else None
    plan = make_plan(request, tile)
    with closing(source), begun(plan, request) as (folder, ledger):
        plan = kept(plan, folder)
        begins = ledger.count() == 0
        if begins:
            inputs.find(folder, source.images)
        told = None
        if tile:
            found = forecast(plan, cleaner, tile)
            tell(plan, source.images, cleaner, found)
            told = ToldTime(found.seconds, terminal.say) if begins and found.seconds > 0 else None
        with Worker(folder, plan, cleaner, _tell_of_smaller) as worker:
            job = Job(plan, worker, ledger, overwrite=wishes.overwrite)
            if not begins:
                _go_on(Audit(plan, worker, ledger), worker, ledger, overwrite=wishes.overwrite)
                inputs.keep(folder, worker.images)
            inputs.tell_of_missing(worker.images)
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
                    planes = sum(volume.planes for volume in plan.volumes)
                    return job.run(runner, groups, told.watched(advance, planes) if told else advance)


def _go_on(audit: Audit, worker: Worker, ledger: Ledger, *, overwrite: bool) -> None:
    """Check that a job can be resumed; if its images have changed, start it over with --overwrite, else refuse."""
    try:
        audit.resume()
    except InputError:
        if not overwrite:
            raise
        ledger.clear()
        worker.knots.clear()
        for image in worker.images:
            image.known = image.manifest()


def _bar(plan: JobPlan, ledger: Ledger, cleaner: DenoiserSpec) -> AbstractContextManager[Advance]:
    done = sum(volume.planes for number, volume in enumerate(plan.volumes) if ledger.has(Task("finish", number)))
    pixels = sum(math.prod(volume.shape) for volume in plan.volumes)
    return denoising_bar(cleaner.denoiser, sum(volume.planes for volume in plan.volumes), pixels, done)


def dry_run(request: Request) -> None:
    """Print what `denoise_source` would do, and do nothing.

    Raises:
        InputError: as there.
    """
    images, cleaner = request.source.images, request.cleaner
    tile = measure_tile(images[0], cleaner)
    plan = make_plan(request, tile)
    refuse_impossible(plan, request)
    tell(plan, images, cleaner, forecast(plan, cleaner, tile))


def _tell_of_smaller(side: int) -> None:
    terminal.warn(f"out of memory: going on with tiles of {side} pixels")
