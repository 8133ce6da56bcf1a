"""Peak memory of a training step, ours and a plain version of the same step, each in a new process.

What two steps take at their worst moment beyond what the process had before the first, with the networks built: kept
activations, gradients, the optimisers' state, scratch space. On the CPU it is counted by the system (resident memory),
so that nothing is left out; on a GPU by torch's allocator.

    python performance/step_memory.py [--recipe proposed] [--batch 64] [--width 8 16 32] [--device cpu]
"""

from __future__ import annotations

from typing import Any

from _common import parser, show
from _process import alone, peak_of
from _steps import our_step, plain_step, recipe_of

STEPS = 2
"""The first step makes the optimisers' state, the second has everything."""


def peak_of_ours(name: str, device: str, settings: dict[str, Any]) -> float:
    """MiB that our steps take."""
    step = our_step(recipe_of(name, "paper", **settings), device)
    return peak_of(lambda: [step() for _ in range(STEPS)], device)


def peak_of_plain(name: str, device: str, settings: dict[str, Any]) -> float:
    """MiB that the reference's steps take."""
    step = plain_step(recipe_of(name, "paper", **settings), device)
    if step is None:
        raise SystemExit(f"{name}: there is no plain version to compare with; choose a recipe of ISCL")
    return peak_of(lambda: [step() for _ in range(STEPS)], device)


def measure(name: str, device: str, **settings: int) -> dict[str, Any]:
    """One row of the table."""
    ours, plain = (alone(peak, name, device, settings) for peak in (peak_of_ours, peak_of_plain))
    return {"recipe": name, **settings, "MiB": ours, "plain MiB": plain, "memory ratio": ours / plain}


def main() -> None:
    """Measure every width and batch."""
    arguments = parser(__doc__)
    arguments.add_argument("--recipe", default="proposed")
    arguments.add_argument("--batch", type=int, nargs="+", default=[64])
    arguments.add_argument("--width", type=int, nargs="+", default=[8, 16, 32])
    arguments.add_argument("--device", default="cpu")
    options = arguments.parse_args()
    rows = [
        measure(options.recipe, options.device, width=width, batch=batch)
        for batch in options.batch
        for width in options.width
    ]
    show(f"Peak memory of a training step on {options.device}", rows, options)


if __name__ == "__main__":
    main()
