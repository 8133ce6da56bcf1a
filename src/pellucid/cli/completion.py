"""`pellucid completion`."""

from __future__ import annotations

from typing import Literal


def completion(shell: Literal["bash", "zsh", "fish"]) -> None:
    """Print a script that completes commands and options by the Tab key.

    The script is complete in itself: nothing is started when you press Tab. Print it again after an update of Pellucid.

    Parameters
    ----------
    shell
        Which shell: bash, zsh or fish.
    """
    from pellucid.cli import root

    print(root.generate_completion(shell=shell))  # noqa: T201
