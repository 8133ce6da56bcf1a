from __future__ import annotations

import pytest

from pellucid.io.axis_names import axis_letters


@pytest.mark.parametrize(
    ("names", "letters"),
    [
        (("time", "channel", "depth", "height", "width"), "TCZYX"),
        (("Z", " y", "x"), "ZYX"),
        (("tile", "y", "x"), "?YX"),
        (("row", "column"), ""),
        ((), ""),
    ],
)
def test_names_are_letters_where_they_tell_which_axes_a_plane_has(names, letters):
    assert axis_letters(names) == letters
