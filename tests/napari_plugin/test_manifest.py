from __future__ import annotations

from pathlib import Path

import npe2
import pytest

import pellucid.napari_plugin
from pellucid.io.registry import FORMATS, writable
from pellucid.napari_plugin.reader import LEFT

FILE = Path(pellucid.napari_plugin.__file__).with_name("napari.yaml")


@pytest.fixture(scope="module")
def manifest():
    return npe2.PluginManifest.from_file(FILE)


def test_it_is_valid_and_the_installed_package_names_it(manifest):
    assert npe2.PluginManifest.from_distribution("pellucid").name == manifest.name == "pellucid"
    for command in manifest.contributions.commands:
        if command.id != "pellucid.panel":  # which needs Qt
            assert callable(npe2.manifest.utils.import_python_name(command.python_name))


def test_every_format_that_is_read_is_offered_but_those_left_to_napari(manifest):
    offered = set(manifest.contributions.readers[0].filename_patterns)
    wanted = {f"*{extension}" for known in FORMATS if known.name not in LEFT for extension in known.extensions}
    inside = {f"{pattern}:*" for known in FORMATS if known.inside for pattern in map("*{}".format, known.extensions)}
    assert {pattern for pattern in offered if not pattern.endswith(":*")} == wanted
    assert offered - wanted <= inside


def test_what_is_offered_for_saving_can_be_written(manifest):
    extensions = manifest.contributions.writers[0].filename_extensions
    assert {extension.lower() for extension in extensions} >= set(writable().split(", "))
