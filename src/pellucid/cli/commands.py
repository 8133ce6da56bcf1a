"""What `pellucid --help` says about each command, without importing the command's module."""

from __future__ import annotations

from typing import NamedTuple

from cyclopts import App


class Command(NamedTuple):
    """A line in the list of commands, and the examples at the end of the command's own help.

    Attributes:
        does: a sentence.
        examples: complete command lines.
    """

    does: str
    examples: tuple[str, ...]

    @property
    def epilogue(self) -> str:
        """The examples as text."""
        return "\n\n".join(f"Example: {example}" for example in self.examples)


COMMANDS = {
    "train": Command(
        "Learn to denoise from noisy images and unrelated clean ones.",
        (
            "pellucid train --clean clean/ --noisy noisy/ --out run",
            "pellucid train --clean clean/ --noisy noisy/ --out run --minutes 60",
            "pellucid train --recipe proposed --clean clean/ --noisy noisy/ --out run",
            "pellucid train --recipe student --noisy noisy/ --pairs truth/ --out run",
        ),
    ),
    "resume": Command(
        "Resume a training that was stopped, or train a finished run for longer.",
        (
            "pellucid resume run",
            "pellucid resume run --minutes 20",
            "pellucid resume run --noisy moved/noisy/",
        ),
    ),
    "denoise": Command(
        "Denoise images with a trained model, or by a method that needs no training.",
        (
            "pellucid denoise noisy/ denoised/",
            "pellucid denoise noisy/ denoised/ --model run",
            "pellucid denoise volume.zarr denoised.zarr --model run --memory 2G",
            "pellucid denoise volume.zarr denoised.zarr --model run --dry-run",
            "pellucid denoise noisy/ denoised/ --recipe bm3d",
        ),
    ),
    "trust": Command(
        "Say how far the results of a model can be trusted, without a truth.",
        (
            "pellucid trust noisy/ --model run --out trust.html",
            "pellucid trust noisy/ --model run --clean clean/ --json",
            "pellucid trust frame-1/ --model run --repeats frame-2/",
        ),
    ),
    "compare": Command(
        "Rank models and filters on your noisy images, without a truth.",
        (
            "pellucid compare run other-run --noisy noisy/ --recipes bm3d gaussian",
            "pellucid compare --recipes bm3d nlm median --noisy noisy/ --clean clean/",
        ),
    ),
    "evaluate": Command(
        "Compute PSNR and SSIM against the truth, and draw error maps.",
        ("pellucid evaluate denoised/ truth/ --baseline noisy/ --maps maps/",),
    ),
    "inspect": Command(
        "Show what images contain and what would harm a training, or what a trained model is.",
        ("pellucid inspect --clean clean/ --noisy noisy/", "pellucid inspect run", "pellucid inspect model.zip"),
    ),
    "export": Command(
        "Write a trained model into one file for others: for Pellucid, as ONNX, or for bioimage.io.",
        (
            "pellucid export run model.zip --licence CC-BY-4.0",
            "pellucid export run model.onnx",
            'pellucid export run model.bioimageio.zip --licence CC-BY-4.0 --authors "A. Author"',
        ),
    ),
    "simulate": Command(
        "Add noise to clean images, to test methods with a known truth.",
        ("pellucid simulate clean/ noisy/ --noise charge --seed 1",),
    ),
    "phantom": Command(
        "Make clean images of artificial tissue that resembles electron microscopy.",
        ("pellucid phantom clean/ --count 12 --seed 1",),
    ),
    "methods": Command(
        "List the methods and what they need, or show all settings of one.",
        ("pellucid methods noise-transfer", "pellucid methods proposed --preset paper"),
    ),
    "models": Command(
        "List the models that come with Pellucid, which need no training.",
        ("pellucid models --json",),
    ),
    "doctor": Command(
        "Show what a report of a problem needs, and check that Pellucid computes what it should.",
        ("pellucid doctor --json",),
    ),
    "completion": Command(
        "Print a script that completes commands and options by the Tab key.",
        ("pellucid completion bash",),
    ),
    "app": Command(
        "Do the whole job in a browser, on this machine alone.",
        ("pellucid app images/", "pellucid app images/ runs/ --folder results/"),
    ),
    "demo": Command(
        "Train, denoise and evaluate in one go, and make a page that shows the result.",
        ("pellucid demo --minutes 5", "pellucid demo --clean clean/ --noisy noisy/ --out demo-own"),
    ),
}
"""Commands by name; each is in the module of the same name."""

BENCHMARK = Command(
    "Compare methods on the same images; tables and figures of the results.",
    ("pellucid benchmark --methods proposed iscl dncnn --datasets phantom-film --steps 500 --out bench",),
)
"""A command with commands of its own."""

BENCHMARK_COMMANDS = {
    "table": Command(
        "Show the results of a benchmark as a table.",
        (
            "pellucid benchmark table bench --out table.md table.csv",
            "pellucid benchmark table bench --compare proposed iscl",
        ),
    ),
    "figures": Command(
        "Draw crops, heat maps of errors and differences, and quality over steps.",
        ("pellucid benchmark figures bench --methods iscl proposed --out figures",),
    ),
    "choose": Command(
        "Choose among the runs of a benchmark without their truth, and compare with it.",
        ("pellucid benchmark choose bench",),
    ),
    "norms": Command(
        "Train ISCL with other norms in its networks.",
        ("pellucid benchmark norms --datasets phantom-film --steps 500 --out bench",),
    ),
}


def add_command(group: App, name: str, place: str, command: Command) -> None:
    """Add the command at `place`, "module:function", which is imported when it is run."""
    group.command(place, name=name, help=command.does, help_epilogue=command.epilogue, help_format="markdown")
