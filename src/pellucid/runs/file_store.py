"""Files by name, in a folder or in a zip: reading and writing them, and saying in one line what is wrong with one."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from safetensors import SafetensorError

from pellucid.errors import InputError, PellucidError


class FileStore(ABC):
    """Files by name, which subclasses read and write.

    Args:
        path: of the folder or zip.

    Raises:
        InputError: it is not given as a path.
    """

    remedy: ClassVar[str]
    """What to do if a file is damaged."""

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, str | Path):
            raise InputError(f"{path!r} is not a folder; give its path, as in 'run'")
        self.path = Path(path)

    @abstractmethod
    def content(self, name: str) -> bytes:
        """Return the content of a file.

        Raises:
            FileNotFoundError: there is no such file.
        """

    @abstractmethod
    def put(self, name: str, content: bytes) -> None:
        """Write a file, over an earlier one.

        Raises:
            InputError: it cannot be written.
            RunError: the disk is full.
        """

    @abstractmethod
    def place(self, name: str) -> str:
        """Return how a file is named in messages."""

    def has(self, name: str) -> bool:
        """Return whether there is such a file."""
        try:
            self.content(name)
        except OSError:
            return False
        return True

    def put_json(self, name: str, values: Mapping[str, Any]) -> None:
        """Write a file of readable JSON."""
        self.put(name, (json.dumps(values, indent=2, ensure_ascii=False) + "\n").encode())

    def read_json(self, name: str) -> dict[str, Any]:
        """Return the values of a file of JSON.

        Raises:
            InputError: the file is missing or damaged.
        """
        with self.undamaged(name):
            values = json.loads(self.content(name).decode("utf-8"))
            if not isinstance(values, dict):
                raise ValueError("no names and values")
            return values

    @contextmanager
    def undamaged(self, name: str) -> Iterator[None]:
        """Within the block a file is read; errors name it in one line.

        Raises:
            InputError: the file is missing or damaged.
        """
        place = self.place(name)
        try:
            yield
        except PellucidError as problem:
            if place in str(problem):
                raise
            raise InputError(f"{place}: damaged ({problem}); {self.remedy}") from None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError, SafetensorError) as problem:
            reason = "; ".join(str(problem).splitlines())
            raise InputError(f"{place}: missing or damaged ({reason}); {self.remedy}") from None
