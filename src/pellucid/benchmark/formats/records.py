"""Tables for machines."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pellucid.benchmark.layout import Layout


def comma_separated(layouts: Sequence[Layout]) -> str:
    """The records of all tables, one line a method and case, with unrounded numbers; nothing where none is known."""
    records = [record for layout in layouts for record in layout.records]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
