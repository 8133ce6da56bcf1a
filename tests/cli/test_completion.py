from __future__ import annotations

import shutil
import subprocess

import pytest

from pellucid.cli.commands import COMMANDS
from tests.cli.test_startup import LARGE, modules_after


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_has_every_command_and_its_shell_understands_it(shell, command, tmp_path):
    result = command("completion", shell)
    assert result.status == 0, result.err
    assert all(name in result.out for name in [*COMMANDS, "benchmark"])
    assert "intensity-range" in result.out
    if program := shutil.which(shell):
        path = tmp_path / "script"
        path.write_text(result.out, encoding="utf-8")
        subprocess.run([program, "-n", str(path)], check=True)


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes_a_command_and_an_option(command, tmp_path):
    path = tmp_path / "script"
    path.write_text(command("completion", "bash").out, encoding="utf-8")

    def completed(*words):
        line = f"source {path}; COMP_WORDS=({' '.join(words)}); COMP_CWORD={len(words) - 1}; _pellucid; "
        done = subprocess.run(
            ["bash", "-c", line + 'echo "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True
        )
        return done.stdout.split()

    assert completed("pellucid", "den") == ["denoise"]
    assert "--dry-run" in completed("pellucid", "denoise", "--dr")


def test_other_shells_are_refused(command):
    assert command("completion", "csh").status == 2


def test_no_torch_is_needed():
    assert not modules_after(["completion", "bash"]) & (LARGE - {"scipy", "PIL"} | {"torch"})
