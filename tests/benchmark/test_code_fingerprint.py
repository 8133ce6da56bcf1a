from __future__ import annotations

from pathlib import Path

import pytest

import pellucid
from pellucid.benchmark import code_fingerprint as module
from pellucid.methods import make_recipe

ROOT = Path(pellucid.__file__).parent


def code_fingerprint(method):
    return module.code_fingerprint(make_recipe(method))


@pytest.fixture
def edited(monkeypatch):
    """The fingerprint of a method after text was added to a file."""

    def fingerprint(method, file, text):
        read = Path.read_text

        def read_edited(path, *args, **kwargs):
            return read(path, *args, **kwargs) + (text if path == ROOT / file else "")

        with monkeypatch.context() as patch:
            patch.setattr(Path, "read_text", read_edited)
            return module._fingerprint.__wrapped__(frozenset({method}))

    return fingerprint


CODE, COMMENT = "\nMORE = 1\n", '\n# more\n"""More."""\n'


@pytest.mark.parametrize(
    "file",
    [
        "methods/iscl.py",
        "networks/generator.py",
        "norms/moments.py",
        "training/loop.py",
        "data/patches/batches.py",
        "recipe.py",
        "evaluation/metrics.py",
    ],
)
def test_code_that_a_method_trains_with_counts_and_comments_do_not(file, edited):
    before = code_fingerprint("iscl")
    assert edited("iscl", file, CODE) != before
    assert edited("iscl", file, COMMENT) == before


@pytest.mark.parametrize(
    "file",
    ["methods/dncnn.py", "networks/unet.py", "methods/registry.py", "report/terminal.py", "evaluation/compare.py"],
)
def test_other_methods_and_rooms_do_not_count(file, edited):
    assert edited("iscl", file, CODE) == code_fingerprint("iscl")


def test_a_filter_does_not_depend_on_the_training_loop(edited):
    before = code_fingerprint("gaussian")
    assert edited("gaussian", "training/loop.py", CODE) == before
    assert edited("gaussian", "methods/classical/baselines.py", CODE) != before


def test_a_recipe_that_a_setting_names_counts():
    """Such as the teacher of a student."""
    plain = make_recipe("dncnn")
    of_teacher = plain.model_copy(update={"name": "cyclegan"})
    assert module.code_fingerprint(of_teacher) != module.code_fingerprint(plain)


def test_methods_have_fingerprints_of_their_own():
    found = {code_fingerprint(method) for method in module.METHODS}
    assert len(found) > len(module.METHODS) / 2  # some share their file
