"""Processes of their own that find all libraries imported already, so that a test that kills some costs little."""

from __future__ import annotations

import multiprocessing
import signal

IMPORTED = ("pytest", "pellucid.model", "pellucid.runs.trainer", "pellucid.simulation.phantom", "zarr", "tifffile")
"""By the one process that all others are copies of."""


def start(function, *arguments):
    """A process that calls a function of a module. Nothing that the test has patched is so in it."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*IMPORTED])
    process = context.Process(target=function, args=arguments)
    process.start()
    return process


def dies(function, *arguments):
    """Whether a process that called a function was killed."""
    process = start(function, *arguments)
    process.join(120)
    assert process.exitcode in (-signal.SIGKILL, 0), process.exitcode
    return process.exitcode == -signal.SIGKILL
