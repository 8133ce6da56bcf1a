from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

PAGE, MISSING = "page.md", "means.py"
ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "tools"))  # programs, not a package

import words  # noqa: E402


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A small project whose text is right."""
    (tmp_path / "docs").mkdir()
    (tmp_path / "src" / "pellucid" / "norms").mkdir(parents=True)
    (tmp_path / "src" / "pellucid" / "norms" / "moments.py").write_text('"""Means and variances."""\n')
    (tmp_path / "README.md").write_text(
        "# Title\n\n## How far? To `here`\n\nSee norms/moments.py, "
        f"[there](docs/{PAGE}#a-heading), [here](#how-far-to-here) and [elsewhere](https://example.org/x.py).\n"
    )
    (tmp_path / "docs" / "page.md").write_text("# A heading\n\n[up](../README.md)\n")
    monkeypatch.setattr(sys, "argv", ["words.py", str(tmp_path)])
    return tmp_path


def test_right_text_passes_in_silence(checkout, capsys):
    assert words.main() == 0
    assert not capsys.readouterr().out


@pytest.mark.parametrize("word", words.INSTEAD)
def test_every_word_that_is_gone_is_found_with_its_line(checkout, capsys, word):
    (checkout / "docs" / "page.md").write_text(f"# A heading\n\nThis {word} is gone.\n")
    assert words.main() == 1
    assert f"docs/{PAGE}:3: {word!r} -> {words.INSTEAD[word]}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("def _old_word(self):", True),
        ("class OldWords:", True),
        ("an old\nword", True),
        ("Old word", True),
        ("a bold word", False),
        ("an oldest word", False),
        ("old wordy", False),
    ],
)
def test_words_are_found_in_names_and_over_lines_but_not_in_longer_words(text, found):
    spelled = "old_word" if "_" in text else "old word"
    assert bool(words._pattern(spelled).search(text)) == found


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (f"see norms/{MISSING}", f"'norms/{MISSING}' does not exist"),
        (f"see `{MISSING}`", f"'{MISSING}' does not exist"),
        ("[x](gone.md)", "a link to 'gone.md', which does not exist"),
        (f"[x](docs/{PAGE}#gone)", f"a link to 'docs/{PAGE}#gone', which does not exist"),
    ],
)
def test_files_and_headings_that_do_not_exist_are_found(checkout, capsys, text, complaint):
    (checkout / "README.md").write_text(f"first\n{text}\n")
    assert words.main() == 1
    assert f"README.md:2: {complaint}" in capsys.readouterr().out


def test_the_drawing_of_the_rooms_is_complete_and_in_the_order_of_imports():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    table = page.split("## The rooms")[1].split("\n###")[0]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    layers = [layer.strip("()") for layer in project["tool"]["importlinter"]["contracts"][0]["layers"]]
    assert re.findall(r"^\| `([a-z_]+)(?:/|\.py)`", table, re.MULTILINE) == layers[1:]  # __main__ only calls cli


def test_every_module_that_the_architecture_names_exists():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    named = re.findall(r"`([a-z_]+(?:/[a-z0-9_]+)+)`", page)
    assert named
    package = ROOT / "src" / "pellucid"
    assert [n for n in named if not any(p.exists() for p in (package / f"{n}.py", package / n, ROOT / n))] == []
