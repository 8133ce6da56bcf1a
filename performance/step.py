"""Speed of a training step, as a share of the machine's arithmetic and compared with a plain version of the step.

For each recipe and batch, all in turns in one process: the step as the training loop takes it, the plain eager version
(`_reference.py`; for the recipes of ISCL), and the fastest float32 matrix product of three sizes. A share of 1 would
mean that nothing is lost to norms, activations, padding, optimisers and overhead. There are two shares:

    share         of the operations that the step was seen to do (convolutions and matrix products, both ways)
    passes share  of those of 17 generator, 8 extractor and 29 discriminator passes, 12.1 GMAC for a pair of 64×64
                  patches at width 32: the yardstick for whoever computes nothing twice. What is seen is 7 % less, where
                  it can be seen: H(x) is computed once for two updates, and in the generators' own update the
                  discriminators pass gradients on without any for their weights.

The time ratio is ours over the plain one's.

    python performance/step.py [--preset paper] [--batch 4 8 64] [--seconds 10] [--device cpu] [RECIPE ...]
"""

from __future__ import annotations

from typing import Any

from _common import Program, medians_and_machine, parser, show
from _steps import operations, operations_of_passes, our_step, plain_step, recipe_of

from pellucid.methods import RECIPES
from pellucid.recipe import LearningRecipe


def measure(recipe: LearningRecipe, seconds: float, device: str) -> dict[str, Any]:
    """One row of the table."""
    step, plain = our_step(recipe, device), plain_step(recipe, device)
    counted, of_passes = operations(step), operations_of_passes(recipe)
    programs: dict[str, Program] = {"step": step} | ({"plain": plain} if plain else {})
    times, machine = medians_and_machine(programs, seconds, device)
    best = machine.operations * times["step"]
    return {
        "recipe": recipe.name,
        "preset": recipe.preset,
        "batch": recipe.batch,
        "s": times["step"],
        "plain s": times.get("plain"),
        "time ratio": times["step"] / times["plain"] if plain else None,
        "GFLOP": counted / 1e9,
        "share": counted / best,
        "passes GFLOP": of_passes / 1e9 if of_passes else None,
        "passes share": of_passes / best if of_passes else None,
        "product GFLOP/s": machine.operations / 1e9,
    }


def main() -> None:
    """Measure the recipes asked for."""
    arguments = parser(__doc__)
    arguments.add_argument("recipes", nargs="*", metavar="RECIPE", default=["proposed"], help=", ".join(RECIPES))
    arguments.add_argument("--preset", default="paper")
    arguments.add_argument("--batch", type=int, nargs="+", default=[4, 8, 64])
    arguments.add_argument("--seconds", type=float, default=10, help="for each recipe and batch; more if it is slow")
    arguments.add_argument("--device", default="cpu")
    options = arguments.parse_args()
    rows = [
        measure(recipe_of(name, options.preset, batch=batch), options.seconds, options.device)
        for name in options.recipes
        for batch in options.batch
    ]
    show(f"Training step, preset {options.preset}, on {options.device}", rows, options)


if __name__ == "__main__":
    main()
