"""A scheduler and workers on this machine, for the process that starts them alone.

Anyone who can connect to a Dask port can run programs as its user, and every user of a machine can reach the loopback
interface. Both sides of each connection therefore present a certificate that is made for one run. No unneeded port is
open: Dask's HTTP server, which starts even without a dashboard, is off.
"""

from __future__ import annotations

from typing import Any

from distributed import Scheduler, Worker


class SchedulerWithoutHttp(Scheduler):
    """A scheduler without an HTTP server."""

    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """Do nothing."""


class WorkerWithoutHttp(Worker):
    """A worker without an HTTP server."""

    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """Do nothing."""
