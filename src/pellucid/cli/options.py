"""Options that several commands take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from pellucid.errors import InputError

if TYPE_CHECKING:
    from pellucid.training import Execution

Settings = Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True)]
"""`--set key=value ...`: settings of a recipe."""

Images = Annotated[list[str], Parameter(consume_multiple=True)]
"""Files, folders or globs, as many as the shell expands a pattern to."""

Range = Annotated[tuple[float, float] | None, Parameter(name="--intensity-range")]
"""`--intensity-range LOW HIGH`: intensities of black and white."""

Bytes = Annotated[int | None, Parameter(converter=lambda _, tokens: parse_bytes(tokens[0].value))]
"""`--memory 2G`: an amount of memory."""

Sizes = Annotated[
    tuple[int, ...] | None,
    Parameter(converter=lambda _, tokens: parse_sizes(tokens[0].keyword, tokens[0].value), n_tokens=1),
]
"""`--chunks 1,1024,1024`: a size along each axis."""


@Parameter(name="*")
@dataclass(frozen=True)
class Sources:
    """The images of a training.

    Parameters
    ----------
    clean
        Clean images: files, folders or globs, as in `--clean clean/`.
    noisy
        Noisy images, not pairs of the clean ones, as in `--noisy "noisy/*.tif"`.
    pairs
        For recipes that learn from pairs: the truth of each noisy image, or a second noisy copy of it for noise2noise;
        matched by file name or by order.
    noise
        For recipes that need it: images of noise alone.
    """

    clean: Images | None = None
    noisy: Images | None = None
    pairs: Images | None = None
    noise: Images | None = None

    def given(self) -> dict[str, list[str]]:
        """Return the sources that were given, by kind."""
        sources = {"noisy": self.noisy, "clean": self.clean, "pairs": self.pairs, "noise": self.noise}
        return {kind: spec for kind, spec in sources.items() if spec}


@Parameter(name="*")
@dataclass(frozen=True)
class Computation:
    """Where and how a training is computed.

    Parameters
    ----------
    device
        "auto", "cpu", "cuda", "cuda:1", "mps".
    amp
        Compute the networks in bfloat16; weights, norm statistics and losses stay float32.
    compile_
        Compile the networks first, which takes minutes and needs a compiler.
    local_statistics
        With several processes (torchrun): norms use only each process's share of a batch.
    """

    device: str = "auto"
    amp: bool = False
    compile_: Annotated[bool, Parameter(name="--compile")] = False
    local_statistics: bool = False

    def execution(self) -> Execution:
        """Return the options that `pellucid.train` takes."""
        from pellucid.training import Execution  # here: help needs no torch

        return Execution(self.amp, self.compile_, self.local_statistics)


_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def parse_settings(pairs: list[str] | None, minutes: float | None = None) -> dict[str, Any]:
    """Return `["width=16", "steps=500"]` as a mapping, with the minutes if they are given.

    The values stay text, which the recipe converts.

    Raises:
        InputError: a setting has no "=".
    """
    settings: dict[str, Any] = {} if minutes is None else {"minutes": minutes}
    for pair in pairs or []:
        key, equals, value = pair.partition("=")
        if not equals:
            raise InputError(f"--set {pair}: write key=value, as in --set width=16")
        settings[key] = value
    return settings


def parse_bytes(text: str) -> int:
    """Return `"2G"` as a number of bytes (K, M, G, T are powers of 1024).

    Raises:
        InputError: the text is not an amount of memory.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)i?B?", text.strip(), re.IGNORECASE)
    if not match or float(match[1]) == 0:
        raise InputError(f"--memory {text}: write an amount such as 500M or 2G")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def parse_sizes(option: str, text: str) -> tuple[int, ...]:
    """Return `"1,1024,1024"` as (1, 1024, 1024).

    Raises:
        InputError: the text is not a list of positive numbers.
    """
    if not re.fullmatch(r"[1-9]\d*(,[1-9]\d*)*", text.replace(" ", "")):
        raise InputError(f"{option} {text}: write a number for each axis, as in {option} 1,1024,1024")
    return tuple(int(size) for size in text.replace(" ", "").split(","))


def parse_duration(text: str | None) -> float | None:
    """Return `"9m"` as seconds (units s, m, h; by default seconds); None stays None.

    Raises:
        InputError: the text is not a time.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text.strip(), re.IGNORECASE)
    if not match or float(match[1]) == 0:
        raise InputError(f"--time-limit {text}: write a time such as 90s, 9m or 2h")
    return float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2].lower()]


def parse_shard(text: str | None) -> tuple[int, int] | None:
    """Return `"3/8"` as (3, 8); None stays None.

    Raises:
        InputError: the text is not a share.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+)/(\d+)", text.strip())
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise InputError(f"--shard {text}: write number/count, as in 3/8")
    return int(match[1]), int(match[2])
