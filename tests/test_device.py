from __future__ import annotations

import os

import pytest
import torch

from pellucid.device import choose_device, free_memory
from pellucid.errors import InputError


@pytest.mark.parametrize(("threads", "said"), [(1, "1 thread"), (2, "2 threads")])
def test_auto_takes_the_cpu_where_there_is_no_gpu(threads, said, monkeypatch):
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    device = choose_device()
    assert device.torch == torch.device("cpu")
    assert str(device) == f"cpu (no GPU found; {said})"


def test_auto_takes_a_gpu_and_names_it(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "Great GPU")
    assert str(choose_device("auto")) == "cuda (Great GPU)"


def test_auto_takes_an_apple_gpu(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert str(choose_device("auto")) == "mps (Apple GPU)"


def test_a_wish_is_granted():
    assert choose_device("cpu") == (torch.device("cpu"), "as asked")


@pytest.mark.parametrize("wish", ["cuda:99", "xpu", "nonsense", "", "gpu"])
def test_an_impossible_wish_gives_one_clear_line(wish):
    with pytest.raises(InputError, match=f"device '{wish}' cannot be used .*: try --device cpu") as problem:
        choose_device(wish)
    assert "\n" not in str(problem.value)


def test_free_memory_is_less_than_all():
    free = free_memory()
    assert free > 0
    if hasattr(os, "sysconf"):
        assert free <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_free_memory_where_the_system_does_not_tell(monkeypatch):
    def unknown(_):
        raise ValueError("unrecognized configuration name")

    monkeypatch.setattr(os, "sysconf", unknown, raising=False)
    assert free_memory() == 4 << 30


@pytest.mark.parametrize("wish", ["auto", "cuda"])
def test_of_several_processes_each_has_its_own_gpu(wish, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {device.index}")
    monkeypatch.setattr(torch, "empty", lambda *_, device: None)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    assert choose_device(wish).torch == torch.device("cuda", 2)
