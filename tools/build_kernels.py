"""Builds `ops/kernels.c` while Pellucid is installed, if there is a C compiler; without one, torch does its work.

A hook of hatchling (see pyproject.toml). After a change of the source:  .venv/bin/python tools/build_kernels.py
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

OPS = Path("src/pellucid/ops")
LIBRARY = OPS / "libpellucid.so"
# OpenMP, but none linked: at run time it is the one that torch has loaded.
COMPILE = ["-c", "-O3", "-fno-trapping-math", "-fPIC", "-fopenmp"]


class BuildKernels(BuildHookInterface[Any]):
    """Puts the library beside its source, and into the wheel."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002
        """Before a wheel is made."""
        if self.target_name != "wheel":
            return
        problem = build(Path(self.root))
        if problem:
            self.app.display_warning(f"the fast norms are not built, torch does their work ({problem})")
            return
        build_data["artifacts"].append(LIBRARY.as_posix())
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def build(root: Path) -> str | None:
    """Compile the library; why not, if that cannot be done. An older one is removed in any case."""
    library = root / LIBRARY
    library.unlink(missing_ok=True)
    compiler = shlex.split(os.environ.get("CC", "")) or [shutil.which("cc") or shutil.which("gcc") or ""]
    if not compiler[0]:
        return "there is no C compiler"
    part, whole = library.with_suffix(".o"), library.with_suffix(".new")
    try:
        source = root / OPS / "kernels.c"
        for options in ([*COMPILE, str(source), "-o", str(part)], ["-shared", str(part), "-o", str(whole)]):
            subprocess.run([*compiler, *options], check=True, capture_output=True, text=True)
        whole.replace(library)
    except (OSError, subprocess.CalledProcessError) as failure:
        lines = (getattr(failure, "stderr", None) or str(failure)).strip().splitlines()
        return f"{compiler[0]}: {lines[0] if lines else failure}"
    finally:
        part.unlink(missing_ok=True)
        whole.unlink(missing_ok=True)
    return None


if __name__ == "__main__":
    print(build(Path(__file__).parent.parent) or LIBRARY)
