"""What a page is about to do, as a command line and as Python. The page runs that very command."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from pellucid.app.task import TaskSpec
from pellucid.errors import InputError


def command_line(arguments: tuple[str, ...]) -> str:
    """A command for a terminal, quoted where needed."""
    return shlex.join(("pellucid", *arguments))


@dataclass(frozen=True)
class TrainCommand:
    """A training.

    Attributes:
        noisy: noisy images.
        clean: clean images, if the recipe needs them.
        pairs: partners, if the recipe needs them.
        out: folder of the run.
        recipe: by name; empty for the default.
        minutes: of the training; None if the settings say how long it is.
        settings: as typed, `key=value` separated by blanks.
    """

    noisy: str
    out: str
    clean: str = ""
    pairs: str = ""
    recipe: str = ""
    minutes: float | None = None
    settings: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command without the name of the program.

        Raises:
            InputError: a setting without "=", or both minutes and steps.
        """
        values = checked_settings(self.settings)
        if self.minutes is not None and "steps" in values:
            raise InputError("minutes and steps are two budgets: leave the minutes empty, or steps out of the settings")
        options = [option for kind, path in self._sources.items() for option in (f"--{kind}", path)]
        recipe = ("--recipe", self.recipe) if self.recipe else ()
        minutes = ("--minutes", f"{self.minutes:g}") if self.minutes is not None else ()
        chosen = ("--set", *self.settings.split()) if values else ()
        return ("train", *options, "--out", self.out, *recipe, *minutes, *chosen)

    @property
    def python(self) -> str:
        """The same in Python."""
        values = {key: _number(text) for key, text in checked_settings(self.settings).items()}
        recipe = {"recipe": self.recipe} if self.recipe else {}
        minutes = {"minutes": self.minutes} if self.minutes is not None else {}
        call = _call("pellucid.train", (), {**self._sources, "out": self.out, **recipe, **minutes, **values})
        return f"import pellucid\n\nmodel = {call}\n"

    @property
    def task(self) -> TaskSpec:
        """The task that runs the command."""
        return TaskSpec("train", self.out, self.arguments, self.out, self._sources)

    @property
    def _sources(self) -> dict[str, str]:
        given = {"clean": self.clean, "noisy": self.noisy, "pairs": self.pairs}
        return {kind: path for kind, path in given.items() if path}


@dataclass(frozen=True)
class DenoiseCommand:
    """A denoising of a file, a folder or a volume.

    Attributes:
        images: what is denoised.
        output: where the result goes.
        model: a name in the box, a run or a zip; empty if a recipe is used.
        recipe: a method without training; empty if a model is used.
        settings: of the recipe, as typed.
        options: further switches, such as "--noise".
    """

    images: str
    output: str
    model: str = ""
    recipe: str = ""
    settings: str = ""
    options: tuple[str, ...] = field(default=())

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command without the name of the program.

        Raises:
            InputError: a setting without "=".
        """
        chosen = ("--set", *self.settings.split()) if self.recipe and checked_settings(self.settings) else ()
        return ("denoise", self.images, self.output, *self._how, *chosen, *self.options)

    @property
    def python(self) -> str:
        """The same in Python."""
        method = {"recipe": self.recipe} if self.recipe else {"model": self.model}
        values = checked_settings(self.settings) if self.recipe else {}
        switches = {option.removeprefix("--").replace("-", "_"): True for option in self.options}
        chosen = {**method, **{key: _number(text) for key, text in values.items()}, **switches}
        return f"import pellucid\n\n{_call('pellucid.denoise', (self.images, self.output), chosen)}\n"

    @property
    def task(self) -> TaskSpec:
        """The task that runs the command."""
        inputs = {"noisy": self.images, "model": self.recipe or self.model}
        return TaskSpec("denoise", self.output, self.arguments, self.output, inputs)

    @property
    def _how(self) -> tuple[str, ...]:
        return ("--recipe", self.recipe) if self.recipe else ("--model", self.model)


@dataclass(frozen=True)
class TrustCommand:
    """An assessment of a model on noisy images, which writes a page.

    Attributes:
        images: noisy images.
        page: the file to write.
        model: a name in the box, a run or a zip; empty if a recipe is used.
        recipe: a method without training; empty if a model is used.
        settings: of the recipe, as the user typed them.
    """

    images: str
    page: str
    model: str = ""
    recipe: str = ""
    settings: str = ""

    @property
    def arguments(self) -> tuple[str, ...]:
        """The command without the name of the program.

        Raises:
            InputError: a setting without "=".
        """
        how = ("--recipe", self.recipe) if self.recipe else ("--model", self.model)
        chosen = ("--set", *self.settings.split()) if self.recipe and checked_settings(self.settings) else ()
        return ("trust", self.images, *how, *chosen, "--out", self.page)

    @property
    def task(self) -> TaskSpec:
        """The task that runs the command."""
        inputs = {"noisy": self.images, "model": self.recipe or self.model}
        return TaskSpec("trust", self.page, self.arguments, self.page, inputs)


def checked_settings(text: str) -> dict[str, str]:
    """Settings that a user has typed, `width=16 batch=8`, by name.

    Raises:
        InputError: one has no "=".
    """
    settings = {}
    for pair in text.split():
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"setting {pair}: write key=value, as in width=16")
        settings[key] = value
    return settings


def _call(function: str, given: tuple[str, ...], options: Mapping[str, object]) -> str:
    """A call as source text, a line for each argument."""
    lines = [f"    {_literal(value)},\n" for value in given]
    lines += [f"    {name}={_literal(value)},\n" for name, value in options.items()]
    return f"{function}(\n{''.join(lines)})"


def _literal(value: object) -> str:
    """A value as source text, in the quotes that people expect."""
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def _number(text: str) -> int | float | str:
    """What a setting is in Python: a number if it looks like one."""
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
