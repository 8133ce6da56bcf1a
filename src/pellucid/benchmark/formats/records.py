"""Tables as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from pellucid.benchmark.layout import TableLayout


def comma_separated(layouts: Sequence[TableLayout]) -> str:
    """The records of all tables, a line for each method and dataset, with unrounded numbers; unknown ones are empty."""
    records = [record for layout in layouts for record in layout.records]
    text = io.StringIO()
    writer = csv.DictWriter(text, list(records[0]) if records else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(records)
    return text.getvalue()
