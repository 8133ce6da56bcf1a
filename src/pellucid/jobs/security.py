"""A scheduler and workers on this machine that only the process which started them can speak to.

Whoever reaches a Dask port may run programs as the user behind it, and on one machine everybody reaches the loopback.
So both sides of each connection show a certificate that is made for one job and lies in these processes' memory alone;
and nothing listens but what needs to, in particular no HTTP server, which Dask starts even without a dashboard.
"""

from __future__ import annotations

from typing import Any

from distributed import Scheduler, Worker
from distributed.security import Security


class SchedulerWithoutHttp(Scheduler):
    """A scheduler without an HTTP server."""

    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """Start none."""


class WorkerWithoutHttp(Worker):
    """A worker without an HTTP server."""

    def start_http_server(self, *arguments: Any, **options: Any) -> None:
        """Start none."""


def temporary_security() -> Security:
    """A key and a certificate for one job; without them nobody can connect, nor read along."""
    security: Security = Security.temporary()
    return security
