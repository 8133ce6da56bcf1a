from __future__ import annotations

import pytest

from pellucid.launch import WHOLE, leads, local_share, share
from pellucid.report import terminal


def launched(monkeypatch, **told):
    for name, value in told.items():
        monkeypatch.setenv(name, str(value))


def test_without_torchrun_one_process_does_all():
    assert share() == local_share() == WHOLE == (0, 1)
    assert leads()


def test_a_rank_without_a_number_of_processes_means_nothing(monkeypatch):
    launched(monkeypatch, RANK=3, LOCAL_RANK=3)
    assert share() == local_share() == WHOLE


def test_each_process_knows_its_part_of_the_work_and_of_the_machine(monkeypatch):
    launched(monkeypatch, RANK=5, WORLD_SIZE=8, LOCAL_RANK=1, LOCAL_WORLD_SIZE=4)
    assert share() == (5, 8)
    assert local_share() == (1, 4)
    assert not leads()


@pytest.mark.parametrize(("rank", "shown"), [(0, True), (1, False)])
def test_only_the_first_one_shows_something(rank, shown, monkeypatch, capsys):
    launched(monkeypatch, RANK=rank, WORLD_SIZE=2)
    terminal.say("a line")
    terminal.table("a title", ["a"], [["b"]], terminal.results())
    printed = capsys.readouterr()
    assert [bool(printed.err), bool(printed.out)] == [shown, shown]
