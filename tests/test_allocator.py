from __future__ import annotations

import ctypes
import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pellucid import allocator
from pellucid.allocator import keep_freed_memory, trim

LARGE = 48 << 20
"""Bytes that glibc always takes from the system anew, and gives back at once."""

glibc = pytest.mark.skipif(
    sys.platform != "linux" or not hasattr(ctypes.CDLL(None), "mallopt"), reason="another C library"
)


def faults_of_a_second_use():
    np.ones(LARGE, np.uint8)
    before = faults()
    np.ones(LARGE, np.uint8)
    return faults() - before


def faults():
    """How often the system gave this process memory so far."""
    return int(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[7])


def resident():
    return 4096 * int(Path("/proc/self/statm").read_text().split()[1])


@glibc
def test_a_program_of_our_own_keeps_freed_memory_until_it_trims():
    # in a fresh process: the setting lasts
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        pool.submit(check_that_memory_is_kept).result()


def check_that_memory_is_kept():
    pages = LARGE >> 22  # fewer than there are, be they of 4 KiB or of 2 MiB
    assert faults_of_a_second_use() > pages
    keep_freed_memory()
    assert faults_of_a_second_use() < pages // 2
    kept = resident()
    trim()
    assert kept - resident() > LARGE // 2


def test_a_library_never_trims_the_memory_of_its_host(monkeypatch):
    called = []
    monkeypatch.setattr(allocator, "_keeps", False)
    monkeypatch.setattr(allocator, "_call", lambda *call: called.append(call))
    trim()
    assert called == []


def test_other_systems_do_without(monkeypatch):
    def nothing(*_):
        raise TypeError("LoadLibrary() argument 1 must be str, not None")

    monkeypatch.setattr(allocator, "_keeps", False)
    monkeypatch.setattr(ctypes, "CDLL", nothing)
    keep_freed_memory()
    trim()
