from __future__ import annotations

import getpass
import json
import platform
from pathlib import Path

import pytest

from pellucid import __version__
from pellucid.doctor import self_check, software


@pytest.fixture
def quick(monkeypatch):
    """The checks are tested elsewhere."""
    checks = [self_check.Check("denoising", True, "off by 0", 0.1)]
    monkeypatch.setattr("pellucid.doctor.examination.run_checks", lambda _: checks)
    return checks


@pytest.mark.usefixtures("quick")
def test_a_healthy_installation(command, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    shown = command("doctor")
    assert shown.status == 0, shown.err
    for text in (__version__, platform.python_version(), "OMP_NUM_THREADS", "TIFF", "kernels", "ok: denoising"):
        assert text in shown.out
    assert "━" not in shown.out  # no header, and no row for an empty one
    found = json.loads(command("doctor", "--json").out)
    assert found["pellucid"] == __version__
    assert found["healthy"] is True
    assert found["variables"]["OMP_NUM_THREADS"] == "7"
    assert found["room"]["disk_free"] > 0


@pytest.mark.usefixtures("quick")
def test_nothing_names_the_machine_its_user_or_a_folder(command, monkeypatch):
    monkeypatch.setenv("CUDA_HOME", str(Path.home()))
    told = command("doctor").out + command("doctor", "--json").out
    node, user = platform.node(), getpass.getuser()
    assert str(Path.home()) not in told
    assert str(Path.cwd()) not in told
    assert len(node) < 3 or node not in told
    assert f"/{user}" not in told


def test_a_failed_check_is_status_1_and_the_rest_is_still_printed(quick, command):
    quick.append(self_check.Check("training", False, "off by 1", 0.1))
    result = command("doctor", "--json")
    assert result.status == 1
    assert json.loads(result.out)["healthy"] is False
    assert "not as it must be: training" in result.err.splitlines()[-1]


def test_formats_and_extras_that_are_missing_are_named(monkeypatch):
    monkeypatch.setattr(software, "find_spec", lambda name: None)
    monkeypatch.setattr(software, "_version", lambda name: None)
    unread = {each.name: each.extra for each in software.formats() if not each.reads}
    assert unread == {
        "N5": "volumes",
        "neuroglancer precomputed": "volumes",
        **dict.fromkeys(("ND2", "LIF", "FluoView"), "microscopes"),
    }
    missing = {each.name: each for each in software.missing_extras()}
    assert missing["volumes"].install == "pip install 'pellucid[volumes]'"
    assert missing["volumes"].missing == ["tensorstore"]
    assert not missing.keys() & {"test", "dev"}
