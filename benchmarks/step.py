"""How much of the machine's arithmetic a training step uses.

For each recipe: the operations of one step (convolutions, forward and backward) divided by its time, as a share of
the rate at which the same process multiplies float32 matrices. 1 would mean that nothing is lost to norms,
activations, padding, optimisers and overhead.

    python benchmarks/step.py [--preset quick] [--seconds 10] [RECIPE ...]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from itertools import count
from typing import Any

import torch
from _common import matrix_product, medians, show
from torch.utils.flop_counter import FlopCounterMode

from pellucid.methods import RECIPES, build, make_recipe


def stepper(name: str, preset: str) -> Callable[[], object]:
    """One training step on the same random patches, each time it is called."""
    method, numbers = build(make_recipe(name, preset)), count(1)
    recipe = method.recipe
    generator = torch.Generator().manual_seed(recipe.seed)
    shape = (recipe.batch, 1, recipe.patch, recipe.patch)
    batch = {kind: torch.rand(shape, generator=generator) * 2 - 1 for kind in method.kinds}
    return lambda: method.step(batch, next(numbers))


def operations(step: Callable[[], object]) -> float:
    """Floating-point operations of one step."""
    with FlopCounterMode(display=False) as counter:
        step()
    return float(counter.get_total_flops())


def measure(name: str, preset: str, seconds: float) -> dict[str, Any]:
    """One row of the table."""
    step = stepper(name, preset)
    needed = operations(step)
    product, product_operations = matrix_product()
    times = medians({"step": step, "product": product}, seconds)
    rate, best = needed / times["step"], product_operations / times["product"]
    return {
        "recipe": name,
        "GFLOP a step": needed / 1e9,
        "s a step": times["step"],
        "GFLOP/s": rate / 1e9,
        "matrix product GFLOP/s": best / 1e9,
        "share": rate / best,
    }


def main() -> None:
    """Measure the recipes asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipes", nargs="*", metavar="RECIPE", default=["proposed", "iscl"], help=", ".join(RECIPES))
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--seconds", type=float, default=10, help="for each recipe")
    options = parser.parse_args()
    rows = [measure(name, options.preset, options.seconds) for name in options.recipes]
    show(f"Training step, preset {options.preset}: share of the machine's float32 matrix-product rate", rows)


if __name__ == "__main__":
    main()
