"""The command itself: help, options, exit status, --debug."""

from __future__ import annotations

import re
from importlib import import_module

import pytest

from pellucid import __version__
from pellucid.cli import main
from pellucid.cli.commands import BENCHMARK, BENCHMARK_COMMANDS, COMMANDS
from pellucid.cli.options import parse_bytes, parse_settings
from pellucid.errors import InputError

EVERY = {
    **COMMANDS,
    "benchmark": BENCHMARK,
    **{f"benchmark {name}": entry for name, entry in BENCHMARK_COMMANDS.items()},
}


def function_of(name):
    *group, own = name.split()
    return getattr(import_module("pellucid.cli." + "_".join([*group, own])), own)


@pytest.mark.parametrize("name", EVERY)
def test_help_of_a_command_explains_each_option(name, command):
    result = command(*name.split(), "--help")
    assert result.status == 0
    assert f"pellucid {name}" in " ".join(result.out.split())
    documented = re.findall(r"^    (\w+)\n        \w", function_of(name).__doc__, re.MULTILINE)
    assert documented
    text = " ".join(re.sub(r"[│╭╮╰╯─]", " ", result.out).split())
    for parameter in documented:
        option = parameter.rstrip("_").replace("_", "-")
        assert f"--{option} " in text or option.upper() in text, option


@pytest.mark.parametrize("name", EVERY)
def test_examples_are_shown_and_understood(name, command):
    from pellucid.cli import root as app

    shown = " ".join(command(*name.split(), "--help").out.split())
    assert EVERY[name].examples
    for example in EVERY[name].examples:
        assert f"Example: {example}" in shown
        parsed, bound, _ = app.parse_args(example.split()[1:], exit_on_error=False, print_error=False)
        assert parsed is function_of(name)
        assert bound.arguments


def test_the_list_of_commands_and_the_version(command):
    shown = command("--help")
    assert shown.status == 0
    assert all(name in shown.out for name in [*COMMANDS, "benchmark"])
    assert "Example: pellucid train --clean clean/ --noisy noisy/ --out run" in " ".join(shown.out.split())
    assert command("--version").out.strip() == __version__
    assert command().status == 0


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["trian"], "trian"),
        (["denoise", "a", "b", "--model", "c", "--bogus"], "--bogus"),
        (["denoise", "a", "b"], "a: no such file"),
        (["denoise", "a"], "--output"),
        (["phantom", "a", "--size", "big"], "big"),
        (
            ["denoise", "a", "b", "--model", "c", "--region", "-2:,0:9,0:9"],
            "requires an argument. Write --region=-2:,0:9,0:9 (see",
        ),
        (
            ["denoise", "a", "b", "--model", "c", "--memory", "lots"],
            "--memory lots: write an amount such as 500M or 2G",
        ),
    ],
)
def test_wrong_calls_are_one_line_with_status_2(arguments, expected, refused, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert expected in refused(*arguments)
    assert not any(tmp_path.iterdir())


def test_debug_raises_the_error(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        main(["denoise", "a", "b", "--model", str(tmp_path), "--debug"])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ValueError("two\nlines"), "ValueError: two lines (--debug shows where)"),
        (
            MemoryError(),
            "out of memory: free some, or look for an image that is damaged and claims to be larger than it is",
        ),
    ],
)
def test_the_unforeseen_is_one_line_too(command, monkeypatch, tmp_path, error, told):
    def broken(*_, **__):
        raise error

    monkeypatch.setattr("pellucid.cli.phantom.tissue", broken)
    result = command("phantom", tmp_path, "--count", 1)
    assert result.status == 1
    assert result.err.splitlines() == [f"pellucid: {told}"]


def test_interrupting_anything_is_one_line(command, monkeypatch, tmp_path):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("pellucid.cli.phantom.tissue", interrupted)
    result = command("phantom", tmp_path, "--count", 1)
    assert (result.status, result.err.splitlines()) == (130, ["pellucid: stopped"])


@pytest.mark.parametrize(
    ("text", "amount"),
    [("2G", 2 << 30), ("500M", 500 << 20), ("1.5 KiB", 1536), ("7", 7), ("1tb", 1 << 40)],
)
def test_amounts_of_memory(text, amount):
    assert parse_bytes(text) == amount


@pytest.mark.parametrize("text", ["", "G", "0", "-1G", "2X", "1e9", "0.0M"])
def test_other_texts_are_no_amount(text):
    with pytest.raises(InputError, match="write an amount such as"):
        parse_bytes(text)


def test_settings_keep_their_text():
    assert parse_settings(["a=1", "b=x=y", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    assert parse_settings(None) == {}
