"""The time of each part of a training step: data, each network forward and backward, optimisers, moving average.

Ours, as in the training loop, and the plain version (`_reference.py`), a step of each in turns. Every moment is counted
for exactly one part, so the parts add up to the step. "other" is the rest: losses, noise added to images, flags. The
plain version has no moving average, and its data are made before.

    python performance/step_parts.py [--preset paper] [--batch 4] [--seconds 20] [--recipe proposed] [--device cpu]
"""

from __future__ import annotations

from itertools import count
from typing import Any

import numpy as np
from _clock import BETWEEN, Clock
from _common import Program, medians, parser, show
from _reference import PlainIscl
from _steps import our_training, random_batch, recipe_of

from pellucid.data.patches import Patches
from pellucid.methods.iscl import Iscl, IsclRecipe
from pellucid.runs.patches import make_batches
from pellucid.simulation.phantom import tissue

IMAGES, SIDE = 4, 512
"""Number and side of the images of each kind."""


def our_parts(clock: Clock, recipe: IsclRecipe, device: str) -> Program:
    """Draw a batch and take a step, on the clock."""
    training = our_training(recipe, device)
    method, numbers = training.method, count(1)
    assert isinstance(method, Iscl)
    images = list(tissue((IMAGES, SIDE, SIDE), seed=0))
    patches = Patches(images, lambda image: image.astype(np.float32) / np.float32(127.5) - 1, recipe.patch)
    batches = clock.timed(make_batches(method, {"noisy": patches, "clean": patches}), "data")
    for name in ("F", "G", "H", "D_X", "D_Y"):
        clock.watch(getattr(method, name), name)
    for optimiser in (method.generators, method.discriminators, method.extractor):
        optimiser.step = clock.timed(optimiser.step, "optimisers")  # type: ignore[method-assign]
    training.average.update = clock.timed(training.average.update, "average")  # type: ignore[method-assign]
    return _on_clock(clock, lambda: training.step(batches(next(numbers))))


def plain_parts(clock: Clock, recipe: IsclRecipe, device: str) -> Program:
    """Take a step of the reference, on the clock."""
    plain, numbers = PlainIscl(recipe, device), count(1)
    batch = random_batch(recipe, ("noisy", "clean"), device)
    for name in ("F", "G", "H", "D_X", "D_Y"):
        clock.watch(getattr(plain, name), name)
    plain.update = clock.timed(plain.update, "optimisers")  # type: ignore[method-assign]
    return _on_clock(clock, lambda: plain.step(batch, next(numbers)))


def _on_clock(clock: Clock, run: Program) -> Program:
    def step() -> None:
        with clock.watching_backward(), clock.on("other"):
            run()

    step()
    clock.seconds.clear()  # the first step makes the optimisers' state
    return step


def table(ours: Clock, plain: Clock, times: dict[str, float]) -> list[dict[str, Any]]:
    """One row for each part, scaled so that all parts of a step together are its median."""
    parts = [part for part in ours.seconds | plain.seconds if part != BETWEEN]
    networks = [part for part in parts if part.split()[0] in ("F", "G", "H", "D_X", "D_Y")]
    others = [part for part in parts if part not in networks]
    shares = {"step": _shares(ours), "plain": _shares(plain)}
    rows = []
    for part in [*sorted(networks), *sorted(others)]:
        seconds = {name: share.get(part, 0.0) * times[name] for name, share in shares.items()}
        rows.append(_row(part, seconds, times))
    return [*rows, _row("whole step", times, times)]


def _row(part: str, seconds: dict[str, float], times: dict[str, float]) -> dict[str, Any]:
    return {
        "part": part,
        "ms": seconds["step"] * 1e3,
        "% of step": 100 * seconds["step"] / times["step"],
        "plain ms": seconds["plain"] * 1e3,
        "% of plain step": 100 * seconds["plain"] / times["plain"],
        "ours over plain": seconds["step"] / seconds["plain"] if seconds["plain"] else None,
    }


def _shares(clock: Clock) -> dict[str, float]:
    whole = sum(seconds for part, seconds in clock.seconds.items() if part != BETWEEN)
    return {part: seconds / whole for part, seconds in clock.seconds.items()}


def main() -> None:
    """Measure one recipe."""
    arguments = parser(__doc__)
    arguments.add_argument("--recipe", default="proposed", help="one of ISCL's")
    arguments.add_argument("--preset", default="paper")
    arguments.add_argument("--batch", type=int, default=4)
    arguments.add_argument("--seconds", type=float, default=20)
    arguments.add_argument("--device", default="cpu")
    options = arguments.parse_args()
    recipe = recipe_of(options.recipe, options.preset, batch=options.batch)
    if not isinstance(recipe, IsclRecipe):
        raise SystemExit(f"{options.recipe}: its parts are not known; choose a recipe of ISCL")
    ours, plain = Clock(), Clock()
    programs = {
        "step": our_parts(ours, recipe, options.device),
        "plain": plain_parts(plain, recipe, options.device),
    }
    times = medians(programs, options.seconds)
    title = f"Parts of a training step of {recipe.name}, preset {recipe.preset}, batch {recipe.batch}"
    show(f"{title}, on {options.device}", table(ours, plain, times), options)


if __name__ == "__main__":
    main()
