"""`pellucid app`: what it says before there is a page."""

from __future__ import annotations

import importlib.util
import socket

import pytest

from pellucid.cli import main


def stopped(capsys, *arguments):
    with pytest.raises(SystemExit) as stop:
        main(["app", *map(str, arguments), "--no-browser"])
    return stop.value.code, capsys.readouterr().err


def test_without_its_library_one_line_says_how_to_install_it(capsys, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == "nicegui" else find(name, *rest)
    )
    code, said = stopped(capsys, tmp_path)
    assert code == 2, said
    assert "pip install 'pellucid[app]'" in said
    assert len(said.splitlines()) == 1


def test_a_folder_that_does_not_exist_is_refused(capsys, tmp_path):
    code, said = stopped(capsys, tmp_path / "nothing", "--folder", tmp_path / "work")
    assert code == 2, said
    assert "no such folder" in said


def test_a_port_that_is_taken_is_refused(capsys, tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        code, said = stopped(capsys, tmp_path, "--folder", tmp_path / "work", "--port", other.getsockname()[1])
    assert code == 2, said
    assert "taken: choose another one with --port" in said


@pytest.mark.parametrize("port", [-1, 0, 99999])
def test_a_port_that_there_is_not_is_refused(capsys, tmp_path, port):
    code, said = stopped(capsys, tmp_path, "--folder", tmp_path / "work", f"--port={port}")
    assert code == 2, said
    assert "give a number from 1 to 65535" in said


def test_a_folder_that_cannot_be_made_is_told(capsys, tmp_path):
    (tmp_path / "file").touch()
    code, said = stopped(capsys, tmp_path, "--folder", tmp_path / "file")
    assert code == 2, said
    assert "part of this path is a file" in said
