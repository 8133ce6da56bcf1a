from __future__ import annotations

import pytest

from pellucid.benchmark.method_spec import MethodSpec, parse_methods
from pellucid.errors import InputError


def test_settings_for_all_and_for_one():
    pairs = ["dncnn.depth=5", "batch=2", "iscl.batch=4"]
    assert parse_methods(["iscl", "dncnn"], pairs) == [
        MethodSpec("iscl", "iscl", {"batch": "4"}),
        MethodSpec("dncnn", "dncnn", {"batch": "2", "depth": "5"}),
    ]


@pytest.mark.parametrize(
    ("names", "pairs", "expected"),
    [
        (["propsed"], [], "unknown method 'propsed': did you mean 'proposed'"),
        (["iscl", "iscl"], [], "method 'iscl' is given twice"),
        (["iscl"], ["width"], "--set width: write key=value or METHOD.key=value"),
        (["iscl"], ["dncnn.depth=5"], "'dncnn' is not among the methods"),
    ],
)
def test_wrong_methods_are_refused(names, pairs, expected):
    with pytest.raises(InputError, match=expected):
        parse_methods(names, pairs)
