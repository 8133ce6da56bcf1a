"""`pellucid benchmark choose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pellucid.cli.json_output import show_json
from pellucid.report import terminal

if TYPE_CHECKING:
    from pellucid.assessment.choice import Choice


def choose(folder: Path, /, *, json: bool = False) -> None:
    """Choose among the runs of a benchmark as a user without a truth would, and compare with the truth.

    Noise measured in the test images is put on clean images; the run with the highest PSNR there is chosen.

    Parameters
    ----------
    folder
        The --out of `pellucid benchmark`, with its trainings.
    json
        Print JSON instead of tables.
    """
    from pellucid.assessment.choice import choices  # here: help needs no torch

    found = choices(folder)
    (_show_json if json else _show)(found)


def _show(found: list[Choice]) -> None:
    for choice in found:
        rows = [
            (each.run, f"{each.expected:.2f}", f"{each.true:.2f}")
            for each in sorted(choice.candidates, key=lambda each: -each.true)
        ]
        terminal.table(choice.case, ["run", "expected (dB)", "true (dB)"], rows, terminal.results())
        print(  # noqa: T201
            f"chosen: {choice.chosen.run}, {choice.loss:.2f} dB below the best; rank correlation {choice.rank:.2f}; "
            f"expected less true {choice.bias:+.2f} dB"
        )


def _show_json(found: list[Choice]) -> None:
    values = [
        {
            "case": choice.case,
            "chosen": choice.chosen.run,
            "loss": choice.loss,
            "rank": choice.rank,
            "bias": choice.bias,
            "runs": [vars(each) for each in choice.candidates],
        }
        for choice in found
    ]
    show_json({"choices": values})
