"""The libraries of the extra package `export`."""

from __future__ import annotations

import importlib.util

from pellucid.errors import InputError


def require(*libraries: str) -> None:
    """Check that libraries are installed.

    Raises:
        InputError: one is missing; the message says how to install it.
    """
    for library in libraries:
        if importlib.util.find_spec(library) is None:
            raise InputError(f"this export needs {library}, which is not installed: pip install 'pellucid[export]'")
