"""What the command line imports: each library in vain is time that the user waits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from pellucid.cli.commands import BENCHMARK_COMMANDS, COMMANDS
from pellucid.io.registry import open_image
from pellucid.io.writing import write_array

RUN = """
import json, sys
from pellucid.cli import main
for arguments in json.loads(sys.argv[1]):
    try:
        main(arguments)
    except SystemExit as stop:
        assert stop.code == 0, arguments
print(json.dumps(list(sys.modules)))
"""
INTERRUPT = """
import sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == "pellucid.cli.commands":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupt())
"""
"""What presses Ctrl-C while the command line is being loaded."""
LARGE = {
    "PIL",
    "distributed",
    "h5py",
    "jinja2",
    "matplotlib",
    "scipy",
    "skimage",
    "sympy",
    "tensorboard",
    "torch._dynamo",
    "torch._inductor",
    "zarr",
}
"""Libraries that take long to import, and that most commands have no use for."""


def modules_after(*commands):
    """The modules that a fresh process has loaded after these command lines."""
    texts = [[str(argument) for argument in command] for command in commands]
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("COV_", "COVERAGE_"))}
    started = [sys.executable, "-c", RUN, json.dumps(texts)]
    done = subprocess.run(started, check=True, capture_output=True, text=True, env=clean)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_the_lists_of_commands_and_of_methods_need_next_to_nothing():
    assert not modules_after(["--help"], ["--version"], ["methods"]) & (
        LARGE | {"torch", "numpy", "pydantic", "markdown_it"}
    )


def test_no_help_needs_torch():
    helps = [[name, "--help"] for name in COMMANDS] + [["benchmark", name, "--help"] for name in BENCHMARK_COMMANDS]
    assert not modules_after(*helps, ["benchmark", "--help"]) & (LARGE - {"scipy"} | {"torch", "pydantic"})


def test_looking_at_images_and_making_them_needs_no_torch(pictures, tmp_path):
    clean, noisy = pictures / "truth", pictures / "noisy"
    loaded = modules_after(
        ["phantom", tmp_path / "clean", "--count", 1, "--size", 64],
        ["simulate", tmp_path / "clean", tmp_path / "noisy"],
        ["inspect", "--clean", clean, "--noisy", noisy],
        ["evaluate", noisy, clean],
    )
    assert "scipy" in loaded  # that is how filters are computed: the names are still what they were
    assert not loaded & (LARGE - {"scipy", "PIL"} | {"torch", "pydantic"})  # Pillow reads the headers of these PNGs


def test_denoising_and_showing_a_method_need_no_compiler_and_no_pictures(trained, pictures, tmp_path):
    image = tmp_path / "noisy.tif"
    write_array(image, open_image(pictures / "noisy" / "b0.png").planes[0].read())
    recipe = modules_after(["denoise", image, tmp_path / "recipe.tif", "--recipe", "gaussian"], ["methods", "proposed"])
    model = modules_after(["denoise", image, tmp_path / "model.tif", "--model", trained])
    assert {"torch", "tifffile"} <= recipe
    assert not recipe & LARGE
    assert {"torch", "tifffile", "safetensors"} <= model
    assert not model & (LARGE - {"scipy"})  # which tells whether the image is like those of the training


@pytest.mark.parametrize("way", [["-m", "pellucid"], ["-c", "from pellucid.__main__ import main; main()"]])
def test_ctrl_c_while_it_is_loaded_is_one_line(tmp_path, way):
    (tmp_path / "sitecustomize.py").write_text(INTERRUPT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = subprocess.run([sys.executable, *way, "--version"], capture_output=True, text=True, env=environment)
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "pellucid: stopped\n")


def test_the_installed_command_is_the_one_that_may_be_interrupted():
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["scripts"] == {"pellucid": "pellucid.__main__:main"}
