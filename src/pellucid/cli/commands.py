"""What `pellucid --help` says of each command, before the command's module is imported."""

from __future__ import annotations

from typing import NamedTuple

from cyclopts import App


class Command(NamedTuple):
    """A line in the list of commands, and the end of the command's own help.

    Attributes:
        does: a sentence.
        examples: whole command lines.
    """

    does: str
    examples: tuple[str, ...]

    @property
    def epilogue(self) -> str:
        """The examples, to end its help with."""
        return "\n\n".join(f"Example: {example}" for example in self.examples)


COMMANDS = {
    "train": Command(
        "Learn to denoise from noisy images and unrelated clean ones.",
        (
            "pellucid train --clean clean/ --noisy noisy/ --out run",
            "pellucid train --recipe dncnn --noisy noisy/ --pairs truth/ --out run",
        ),
    ),
    "resume": Command(
        "Resume a training that was stopped, or train a finished run for longer.",
        (
            "pellucid resume run",
            "pellucid resume run --set steps=3000",
            "pellucid resume run --noisy moved/noisy/",
        ),
    ),
    "denoise": Command(
        "Denoise images with a trained model, or by a method that needs no training.",
        (
            "pellucid denoise noisy/ denoised/ --model run",
            "pellucid denoise volume.zarr denoised.zarr --model run --memory 2G",
            "pellucid denoise volume.zarr denoised.zarr --model run --dry-run",
            "pellucid denoise noisy/ denoised/ --recipe bm3d",
        ),
    ),
    "evaluate": Command(
        "PSNR and SSIM against the truth, with error maps.",
        ("pellucid evaluate denoised/ truth/ --baseline noisy/ --maps maps/",),
    ),
    "inspect": Command(
        "Show what two sources hold, and what about them would break learning.",
        ("pellucid inspect --clean clean/ --noisy noisy/",),
    ),
    "simulate": Command(
        "Put noise on clean images, to try methods where the truth is known.",
        ("pellucid simulate clean/ noisy/ --noise charge --seed 1",),
    ),
    "phantom": Command(
        "Make clean electron-microscopy-like tissue.",
        ("pellucid phantom clean/ --count 12 --seed 1",),
    ),
    "methods": Command(
        "List the methods and what they need, or show every setting of one.",
        ("pellucid methods proposed --preset paper",),
    ),
    "demo": Command(
        "The whole job, from images to a page to look at.",
        ("pellucid demo --clean clean/ --noisy noisy/ --out demo",),
    ),
}
"""Each in a module of its name."""

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
    "norms": Command(
        "Train ISCL with other norms in its networks.",
        ("pellucid benchmark norms --datasets phantom-film --steps 500 --out bench",),
    ),
}


def add_command(group: App, name: str, place: str, command: Command) -> None:
    """Add a command that lives at `place`, "module:function", and is imported when it is run."""
    group.command(place, name=name, help=command.does, help_epilogue=command.epilogue, help_format="markdown")
