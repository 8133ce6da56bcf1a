"""A copy of an image file, as a command makes one that changes no pixel."""

from __future__ import annotations

from pellucid.io.registry import open_image
from pellucid.io.writing import create_image


def copy(source, target):
    """Copy to another name, and so perhaps format; the writer has notes of what was not kept."""
    image = open_image(source)
    with create_image(target, image) as writer:
        for number, plane in enumerate(image.planes):
            writer.write(number, plane.read())
    return writer
