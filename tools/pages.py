"""Run the commands of a page of the docs in a folder of their own, and compare what they print with the page.

python tools/pages.py docs/start.md [--folder FOLDER] [--short]

Every block ```sh and ```python of a page is run, unless a comment on the line before says why not:

    <!-- not run: needs a Slurm cluster -->

A comment that begins with "before:" holds commands that prepare what the page takes for granted. Each line of a block
```text must be printed by the commands before it, in that order; figures may differ. `--short` trains for a few steps
on small images: it replaces what `SHORTER` lists, and nothing else.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

BLOCK = re.compile(
    r"(?:^<!-- not run: (?P<reason>[^\n]+) -->\n)?^```(?P<language>sh|python|text)\n(?P<code>.*?)^```$"
    r"|^<!-- before:\n(?P<before>.*?)^-->$",
    re.MULTILINE | re.DOTALL,
)

SHORTER = (
    (r"--minutes \d+", "--set steps=8"),
    (r"--steps \d+", "--steps 3"),
    (r"\bsteps=\d+", "steps=8"),
    (r"(resume \S+ --set steps)=8", r"\1=10"),
    (r"--size \d+", "--size 96"),
    (r"\(256, 256\)", "(96, 96)"),
)
"""What a short run replaces: the amount of a training, and the size of made-up images."""

VARIES = re.compile(r"[-−]?\d[\d.,:]*(?: [KMGT]?i?B\b)?|[▁-█]+|\b[0-9a-f]{12}\b")
"""What differs from run to run: figures, with their units of memory, histograms and digests."""
DRAWN = re.compile(r"[\s─━┃│┏┓┗┛┡┩┳┻╇╈└┘┴┼├┤╭╮╰╯]+")
"""Spaces and rules, whose length depends on the figures."""


class Block(NamedTuple):
    """A fenced block of a page.

    Attributes:
        language: "sh", "python" or "text".
        code: its lines.
        line: number of its first line on the page.
        reason: why it is not run; empty if it is.
    """

    language: str
    code: str
    line: int
    reason: str = ""


class PageError(Exception):
    """A command of a page fails, or prints something else than the page says."""


def blocks(text: str) -> Iterator[Block]:
    """The blocks of a page in order; what a comment prepares is a block of "sh"."""
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        if match["before"] is not None:
            yield Block("sh", match["before"], line)
        else:
            yield Block(match["language"], match["code"], line, match["reason"] or "")


def shorter(code: str) -> str:
    """The code with less to do."""
    for pattern, instead in SHORTER:
        code = re.sub(pattern, instead, code)
    return code


def run_page(page: Path, folder: Path, *, short: bool = False) -> Iterator[str]:
    """Run all blocks of a page, and give what each prints.

    Raises:
        PageError: a command fails, or a line of a block "text" is not printed.
    """
    printed = ""
    for block in blocks(page.read_text(encoding="utf-8")):
        where = f"{page}:{block.line}"
        if block.language == "text":
            _compare(block.code, printed, where)
        elif not block.reason:
            printed = _run(block._replace(code=shorter(block.code)) if short else block, folder, where)
            yield printed


def _run(block: Block, folder: Path, where: str) -> str:
    call = ["bash", "-euo", "pipefail", "-c"] if block.language == "sh" else [sys.executable, "-W", "error", "-c"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "COLUMNS": "100", "OMP_NUM_THREADS": "1", "MPLBACKEND": "Agg"}
    done = subprocess.run(
        [*call, block.code],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    if done.returncode:
        raise PageError(f"{where}: exit status {done.returncode} of\n{block.code}\n{done.stdout}")
    return done.stdout


def _compare(shown: str, printed: str, where: str) -> None:
    """Look for each shown line in what was printed after the line before; "..." stands for lines that are left out."""
    left = iter([_alike(line) for line in printed.splitlines()])
    for line in shown.splitlines():
        wanted = _alike(line)
        if wanted and wanted != "..." and wanted not in left:
            raise PageError(f"{where}: this line is not printed, or not here:\n{line}\nPrinted was:\n{printed}")


def _alike(line: str) -> str:
    """A line without what varies."""
    return DRAWN.sub(" ", VARIES.sub("#", line)).strip()


def main() -> int:
    """Run a page and show what its commands print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("page", type=Path)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--short", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        try:
            for printed in run_page(options.page, folder, short=options.short):
                print(printed, flush=True)
        except PageError as problem:
            print(problem, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
