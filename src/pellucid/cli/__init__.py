"""The command `pellucid`: it parses arguments, calls the library, and shows results. Commands are imported on use."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from itertools import pairwise
from typing import NoReturn

from cyclopts import App, CycloptsError, MissingArgumentError, Parameter

from pellucid.allocator import keep_freed_memory
from pellucid.cli.commands import BENCHMARK, COMMANDS, add_command
from pellucid.errors import InputError, PellucidError
from pellucid.signals import number_of, stop_on_signals
from pellucid.version import __version__

#: All commands; not called `app`, which is the module of a command.
root = App(
    name="pellucid",
    version=__version__,
    help="Clean microscope images: learn from noisy images and unrelated clean ones.",
    help_epilogue="Example: pellucid train --clean clean/ --noisy noisy/ --out run. "
    "Every command takes --debug, which shows where an error came from.",
    help_format="plaintext",  # parsing Markdown would take a quarter of the time that help takes
    default_parameter=Parameter(negative=""),
    suppress_keyboard_interrupt=False,  # `main` reports it
)
for _name, _command in COMMANDS.items():
    add_command(root, _name, f"pellucid.cli.{_name}:{_name}", _command)
root.command("pellucid.cli.benchmark:group", name="benchmark", help=BENCHMARK.does)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and exit: 0 done, 1 failed run, 2 wrong call or input, 128 + its number after a signal."""
    tokens = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in tokens
    # how long waiting threads spin: much slows a busy machine down many times, none at all an idle one by half
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    keep_freed_memory()
    try:
        _refuse_empty(tokens)
        with stop_on_signals():
            root([token for token in tokens if token != "--debug"], exit_on_error=False, print_error=False)
    except CycloptsError as problem:
        command = f"{tokens[0]} " if tokens and tokens[0] in {*COMMANDS, "benchmark"} else ""
        remedy = _remedy(tokens) if isinstance(problem, MissingArgumentError) else ""
        _stop(f"{problem}{remedy} (see pellucid {command}--help)", 2, debug)
    except PellucidError as problem:
        _stop(str(problem), problem.exit_status, debug)
    except KeyboardInterrupt as problem:
        number = number_of(problem)
        _stop("stopped" if number == signal.SIGINT else f"stopped by {problem}", 128 + number, debug)
    except BrokenPipeError:
        sys.stderr.close()
        sys.exit(1)
    except MemoryError:
        _stop(
            "out of memory: free some, or look for an image that is damaged and claims to be larger than it is",
            1,
            debug,
        )
    except OSError as problem:
        too_long = problem.errno == errno.ENAMETOOLONG
        said = f"{problem.filename}: the name is too long; check it" if too_long else f"{problem} (--debug shows where)"
        _stop(said, 2 if too_long else 1, debug)
    except Exception as problem:
        _stop(f"{type(problem).__name__}: {problem} (--debug shows where)", 1, debug)
    sys.exit(0)


def _refuse_empty(tokens: Sequence[str]) -> None:
    """Refuse empty names, which would be taken for the folder that the command runs in."""
    for before, token in pairwise(("", *tokens)):
        option = before if before.startswith("--") else ""
        if token.startswith("--") and token.endswith("="):
            option, token = token[:-1], ""
        if not token.strip():
            where = f"after {option} the name" if option else "a name"
            raise InputError(f"{where} is empty: give a name, or leave it out (is a variable of the shell not set?)")


def _remedy(tokens: Sequence[str]) -> str:
    """How to write a value that begins with a minus, which is taken for an option."""
    negative = (f"{option}={value}" for option, value in pairwise(tokens) if option[:2] == "--" and value[:1] == "-")
    return next((f" Write {text}" for text in negative if text.partition("=-")[2][:1].isdigit()), "")


def _stop(message: str, status: int, debug: bool) -> NoReturn:
    if debug:
        raise
    from pellucid.report import terminal  # here: help is faster without

    terminal.fail(f"pellucid: {_one_line(message)}")
    sys.exit(status)


def _one_line(text: str) -> str:
    return " ".join(line.strip() for line in text.splitlines())
