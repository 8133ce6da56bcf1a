"""Memory of a training after so many steps: it must not grow with them.

Each recipe learns from patches of noise through the training loop, in a process of its own. Printed are its resident
memory and its tensors after each of `--steps`, what it has grown by a step between the first and the last of them, and
the ratio of these two, which should be at most 1.03. With `all` for a recipe, every recipe that learns is measured.

    python performance/training_memory.py [--recipe proposed] [--steps 50 300] [--preset quick] [--width 16] [--batch 4]
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from _common import parser, show
from _process import alone, resident
from _steps import our_training, random_batch, recipe_of

from pellucid.allocator import keep_freed_memory
from pellucid.errors import InputError
from pellucid.methods import learning_recipes
from pellucid.training import Callback, Training, fit


class Memory(NamedTuple):
    """Memory of a process: resident bytes, and the number of tensors that Python knows of."""

    resident: int
    tensors: int

    @classmethod
    def now(cls) -> Memory:
        """Return that of this process."""
        bytes_held = resident()  # first: counting makes a list of all there is
        return cls(bytes_held, sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects()))


def memory_after(name: str, preset: str, settings: dict[str, Any], steps: Sequence[int]) -> list[Memory]:
    """What this process holds after each of these steps of a training."""
    keep_freed_memory()  # as the command line does
    training = our_training(recipe_of(name, preset, **settings, steps=max(steps)))
    batch = random_batch(training.method.recipe, training.method.kinds)
    found = []

    class Measure(Callback):
        def after_step(self, training: Training, _: Mapping[str, float]) -> None:
            if training.number in steps:
                found.append(Memory.now())

    Memory.now()  # counting takes memory, which must not be counted
    fit(training, lambda _: batch, [Measure()])
    return found


def measure(name: str, preset: str, settings: dict[str, Any], steps: Sequence[int]) -> dict[str, Any]:
    """One row of the table."""
    found = alone(memory_after, name, preset, settings, steps)
    first, last = found[0].resident, found[-1].resident
    return {
        "recipe": name,
        "steps": list(steps),
        "MiB": [round(memory.resident / 2**20) for memory in found],
        "tensors": [memory.tensors for memory in found],
        "KiB a step": (last - first) / 2**10 / (steps[-1] - steps[0]),
        "growth ratio": last / first,
    }


def main() -> None:
    """Measure every recipe."""
    arguments = parser(__doc__)
    arguments.add_argument("--recipe", nargs="+", default=["proposed"], help="or all")
    arguments.add_argument("--preset", default="quick")
    arguments.add_argument("--steps", type=int, nargs="+", default=[50, 300], help="two or more, ascending")
    arguments.add_argument("--width", type=int, help="channels, of recipes that have this setting")
    arguments.add_argument("--batch", type=int)
    options = arguments.parse_args()
    if len(options.steps) < 2 or options.steps != sorted(set(options.steps)):
        arguments.error("--steps: give two numbers or more, ascending")
    given = {name: value for name in ("width", "batch") if (value := getattr(options, name)) is not None}
    names = learning_recipes() if options.recipe == ["all"] else options.recipe
    rows = [measure(name, options.preset, accepted(name, options.preset, given), options.steps) for name in names]
    show("Memory of a training after so many steps", rows, options)


def accepted(name: str, preset: str, given: dict[str, Any]) -> dict[str, Any]:
    """The settings that a recipe has and accepts; others are printed."""
    taken = {}
    for setting in given.keys() & settings_of(name):
        try:
            recipe_of(name, preset, **{setting: given[setting]})
            taken[setting] = given[setting]
        except InputError as problem:
            print(f"{name} keeps its own {setting}: {problem}")
    return taken


def settings_of(name: str) -> set[str]:
    """The names of a recipe's settings."""
    return set(type(recipe_of(name, "paper")).model_fields)


if __name__ == "__main__":
    main()
