"""What a saved model says of where it comes from: numbers and what its user chose to say, but no names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from pellucid.errors import InputError


@dataclass(frozen=True)
class Amount:
    """How many images a model was trained on.

    Attributes:
        images: their number.
        pixels: of all of them.
    """

    images: int
    pixels: int


@dataclass(frozen=True)
class Origin:
    """Where a model comes from.

    Attributes:
        pellucid: the version that began its training; empty if not known.
        trained_on: the amount of each kind of images; empty if not known.
        licence: under which it may be used, as an SPDX identifier or in words; empty if not said.
        description: in the words of who saved it; may be empty.
        authors: names that who saved it gave; may be empty.
        measures: what was measured of its quality, in words; empty if nothing was.
    """

    pellucid: str = ""
    trained_on: Mapping[str, Amount] = field(default_factory=dict)
    licence: str = ""
    description: str = ""
    authors: tuple[str, ...] = ()
    measures: str = ""

    @classmethod
    def from_provenance(cls, values: Mapping[str, Any]) -> Origin:
        """Take from a run's provenance, or from that of a saved model, what may be told to everyone.

        Raises:
            KeyError, TypeError, ValueError: values are missing or of another kind.
        """
        amounts = values.get("trained_on") or values.get("sources") or {}
        return cls(
            pellucid=_text(values.get("pellucid", "")),
            trained_on={_text(kind): Amount(int(of["images"]), int(of["pixels"])) for kind, of in amounts.items()},
            licence=_text(values.get("licence", "")),
            description=_text(values.get("description", "")),
            authors=tuple(_text(author) for author in values.get("authors", ())),
            measures=_text(values.get("measures", "")),
        )

    def to_values(self) -> dict[str, Any]:
        """Return the provenance of a saved model; `from_provenance` gives an equal origin."""
        return {**asdict(self), "authors": list(self.authors)}

    def signed(self, licence: str | None, description: str | None, authors: Sequence[str] | None) -> Origin:
        """Return the same with what is given replaced.

        Raises:
            InputError: a text with control characters.
        """
        changed = replace(
            self,
            licence=self.licence if licence is None else licence,
            description=self.description if description is None else description,
            authors=self.authors if authors is None else tuple(authors),
        )
        for text in (changed.licence, changed.description, *changed.authors):
            if not is_printable(text):
                raise InputError(f"{text!r}: has control characters; write plain text")
        return changed


def is_printable(text: str) -> bool:
    """Whether a text is safe to show in a terminal: no control characters but line feeds and tabs."""
    return all(character.isprintable() or character in "\n\t" for character in text)


def _text(value: object) -> str:
    if not isinstance(value, str) or not is_printable(value):
        raise ValueError(f"{value!r} is no plain text")
    return value
