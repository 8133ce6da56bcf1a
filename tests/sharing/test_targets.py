from __future__ import annotations

import pytest

import pellucid
from pellucid.errors import InputError
from pellucid.sharing import targets
from pellucid.sharing.targets import ExportOptions, export_model, format_of


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.zip", "pellucid"),
        ("a.ONNX", "onnx"),
        ("a.bioimageio.zip", "bioimageio"),
        ("bioimageio.zip", "pellucid"),
        ("folder", "pellucid"),
    ],
)
def test_the_name_tells_the_format(name, kind):
    assert format_of(name) == kind


def test_a_format_may_be_given_whatever_the_name(student, tmp_path, monkeypatch):
    monkeypatch.setitem(targets.WRITERS, "onnx", lambda stored, network: b"onnx")
    export_model(student, tmp_path / "a.zip", ExportOptions(format="onnx"))
    assert (tmp_path / "a.zip").read_bytes() == b"onnx"
    with pytest.raises(InputError, match="exists already"):
        export_model(student, tmp_path / "a.zip", ExportOptions(format="onnx"))


def test_python_exports_as_the_command_line(student, tmp_path):
    path = pellucid.export(student, tmp_path / "a.zip", description="cells", authors=["A. Author"])
    origin = pellucid.load(path, device="cpu").stored.origin
    assert (origin.description, origin.authors, origin.licence) == ("cells", ("A. Author",), "CC0-1.0")


@pytest.mark.parametrize(
    ("name", "options", "said"),
    [
        ("a.zip", {"frozen": True}, "frozen moments are for other programs"),
        ("a.onnx", {"thumbnails": True}, "thumbnails go with a .zip for Pellucid"),
        ("a.zip", {"description": "\x1b[2J"}, "has control characters"),
        ("a.zip", {"thumbnails": True}, "has no previews"),
    ],
)
def test_options_that_a_format_cannot_take(name, options, said, student, tmp_path):
    with pytest.raises(InputError, match=said):
        export_model(student, tmp_path / name, ExportOptions(**options))
    assert list(tmp_path.iterdir()) == []
