"""Smoke test of an installed Pellucid; standard library only. Run it with the Python of a clean environment.

Checks that the command answers, that `import pellucid` is quick and loads nothing it need not, and that the
installation is small. Ends with status 1 and a line on the first thing that is wrong.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import sysconfig
from importlib.metadata import PackageNotFoundError, distribution, distributions, version
from pathlib import Path

SHARE = 0.5
"""What `import pellucid` may compute beyond torch's own import, as a share of that; a busy machine changes little."""
PACKAGES = 40
"""Distributions that may come with Pellucid, beside torch and what torch needs."""
LATE = ("matplotlib", "zarr", "h5py", "mrcfile", "tifffile", "imagecodecs", "PIL", "scipy", "skimage", "tensorboard")
"""Modules that are imported only when they are needed."""
INSTALLER = {"pip", "setuptools", "wheel"}


def python(code: str) -> str:
    """What a fresh interpreter prints for the code."""
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


def computing(code: str) -> float:
    """Seconds of computing: the shortest of three runs in fresh interpreters, which are warm after the first."""
    return min(float(python(f"import time\n{code}\nprint(time.process_time())")) for _ in range(3))


def command(option: str) -> str:
    """What the installed command prints."""
    program = Path(sysconfig.get_path("scripts")) / "pellucid"
    return subprocess.run([program, option], check=True, capture_output=True, text=True, timeout=60).stdout


def plain(name: str) -> str:
    """A distribution's name in its normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed_by(name: str) -> set[str]:
    """A distribution and all installed ones that it needs, by name; extras are left out."""
    found: set[str] = set()
    todo = [name]
    while todo:
        one = plain(todo.pop())
        if one in found:
            continue
        try:
            requires = distribution(one).requires or []
        except PackageNotFoundError:
            continue
        found.add(one)
        todo += [re.split(r"[^\w.-]", line, maxsplit=1)[0] for line in requires if "extra ==" not in line]
    return found


def check(good: bool, what: str) -> None:
    """Print what was found; stop if it is wrong."""
    print(f"  {'ok' if good else 'WRONG'}: {what}", flush=True)
    if not good:
        sys.exit(1)


def main() -> None:
    """Run all checks."""
    release = version("pellucid")
    shown = command("--version").strip()
    check(release in shown, f"pellucid --version says {shown!r}, the package is {release}")
    check("train" in command("--help"), "pellucid --help lists its commands")

    place = python("import pellucid; print(pellucid.__file__)").strip()
    check(place.startswith(sys.prefix), f"imported from {place}")
    loaded = json.loads(python("import json, sys, pellucid; print(json.dumps(sorted(sys.modules)))"))
    early = sorted(set(LATE) & set(loaded))
    check(not early, f"import pellucid loads none of {', '.join(LATE)}" + (f", but {early}" if early else ""))
    torch = computing("import torch")
    share = computing("import torch, pellucid") / torch - 1
    check(share < SHARE, f"import pellucid takes {share:.0%} of torch's {torch:.2f} s beyond it (at most {SHARE:.0%})")

    names = python("import pellucid; print(*(n for n in pellucid.__all__ if getattr(pellucid, n) is not None))").split()
    check("train" in names, f"import pellucid offers {', '.join(names)}")

    files = [str(file) for file in distribution("pellucid").files or []]
    check(any(file.endswith("licenses/LICENSE") for file in files), "the licence is part of the package")
    check("pellucid/py.typed" in files, "the types are part of the package")

    installed = {plain(one.metadata["Name"]) for one in distributions()} - INSTALLER - {"pellucid"}
    extra = sorted(installed - needed_by("torch"))
    check(len(extra) <= PACKAGES, f"{len(extra)} packages beside torch (at most {PACKAGES}): {', '.join(extra)}")


if __name__ == "__main__":
    main()
