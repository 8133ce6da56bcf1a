"""`pellucid`, and `python -m pellucid`: one line if Ctrl-C comes while the command line is still being loaded."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Load the command line, run it, and exit as it says; 130 after Ctrl-C."""
    try:
        from pellucid.cli import main as run  # here: loading it takes long enough to be interrupted

        run()
    except KeyboardInterrupt:
        sys.stderr.write("pellucid: stopped\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
