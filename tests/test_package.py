"""The package and the repository as a whole."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from functools import cache
from importlib.metadata import version
from pathlib import Path

import pytest

import pellucid

ROOT = Path(__file__).parents[1]
LIMIT = 5_000_000
BINARY = {".npz", ".zip", ".safetensors", ".npy", ".png", ".jpg", ".tif", ".mrc", ".h5"}
MACHINE_PATH = re.compile(r"(?<![\w.~/-])/(?:home|root|work|Users|mnt|scratch)/[\w.-]+")
NORMS_ALONE = (
    "import pellucid.norms, pellucid.networks, pellucid.methods.iscl, pellucid.data.patches, pellucid.training"
)
INSTALLED_LATE = {
    "PIL",
    "h5py",
    "imagecodecs",
    "imageio",
    "matplotlib",
    "mrcfile",
    "scipy",
    "skimage",
    "tifffile",
    "zarr",
}


@cache
def tracked() -> list[Path]:
    """Every file that git knows and that is there."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter has loaded after the code."""
    code += "; import json, sys; print(json.dumps([name.partition('.')[0] for name in sys.modules]))"
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "COVERAGE_"))}
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, env=clean)
    return set(json.loads(done.stdout))


def test_version_has_one_source() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert "version" in project["dynamic"]
    assert version("pellucid") == pellucid.__version__


def test_citation_has_the_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {pellucid.__version__}\n" in citation


def test_import_is_light() -> None:
    assert not modules_after("import pellucid") & (INSTALLED_LATE | {"rich", "jinja2", "cyclopts", "safetensors"})


def test_learning_needs_no_file_formats_and_no_screens() -> None:
    loaded = modules_after(NORMS_ALONE)
    assert {"torch", "numpy", "pydantic"} <= loaded
    assert not loaded & (INSTALLED_LATE | {"rich", "cyclopts", "safetensors"})


def test_every_dependency_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = [
        *project["dependencies"],
        *(name for extra in project["optional-dependencies"].values() for name in extra),
    ]
    names = {re.split(r"[^\w.-]", line, maxsplit=1)[0].lower() for line in wanted} - {"pellucid"}
    pinned = re.findall(r"^([\w.-]+)==", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.MULTILINE)
    assert names <= set(pinned)


def test_no_tracked_file_is_large() -> None:
    assert {path.name: path.stat().st_size for path in tracked() if path.stat().st_size > LIMIT} == {}


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in tracked() if path.suffix not in BINARY}
    assert {str(path): found for path, text in texts.items() if (found := MACHINE_PATH.findall(text))} == {}


@pytest.mark.parametrize("text", ["see " + "/work" + "/here", "'" + "/home" + "/me/images'", "(" + "/root" + "/x)"])
def test_a_path_of_one_machine_is_recognised(text: str) -> None:
    assert MACHINE_PATH.search(text)


@pytest.mark.parametrize("text", ["file.h5:/raw", "https://example.org/home/page", "runs/work/x"])
def test_other_paths_are_left_alone(text: str) -> None:
    assert not MACHINE_PATH.search(text)
