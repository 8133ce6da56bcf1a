"""The macro for Fiji: its command line as it stands there, on a TIFF as ImageJ writes it."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import tifffile

MACRO = (Path(__file__).parents[1] / "docs" / "fiji" / "Pellucid_denoise.ijm").read_text(encoding="utf-8")


def arguments(**values):
    """The words of the macro's call, with values for its variables."""
    [call] = re.findall(r"exec\((.*?)\);", MACRO)
    words = [word.strip() for word in call.split(",")]
    return [word.strip('"') if word.startswith('"') else values[word] for word in words]


def test_the_command_in_the_macro_denoises_and_keeps_the_calibration(tmp_path, command):
    stack = np.random.default_rng(0).normal(120, 20, (3, 48, 64)).clip(0, 255).astype("uint8")
    said = {"unit": "nm", "spacing": 40.0, "finterval": 2.5, "axes": "ZYX", "Labels": ["one", "two", "three"]}
    tifffile.imwrite(tmp_path / "noisy.tif", stack, imagej=True, resolution=(0.25, 0.25), metadata=said)
    program, *rest = arguments(
        command="pellucid", input=tmp_path / "noisy.tif", output=tmp_path / "denoised.tif", model="em"
    )
    assert program == "pellucid"
    done = command(*rest)
    assert done.status == 0, done.err
    with tifffile.TiffFile(tmp_path / "noisy.tif") as before, tifffile.TiffFile(tmp_path / "denoised.tif") as after:
        assert after.is_imagej
        for key in ("unit", "spacing", "finterval", "Labels", "slices"):
            assert after.imagej_metadata[key] == before.imagej_metadata[key]
        assert after.pages[0].tags["XResolution"].value == before.pages[0].tags["XResolution"].value
        assert after.asarray().shape == stack.shape
        assert after.asarray().std() < stack.std()


def test_every_variable_of_the_call_is_set_in_the_macro():
    for word in re.findall(r"exec\((.*?)\);", MACRO)[0].split(","):
        name = word.strip()
        if not name.startswith('"'):
            assert re.search(rf"^{name} = |^#@ String .* {name}$", MACRO, re.MULTILINE), name
