from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from pellucid import signals
from pellucid.signals import Stopped, heeded, number_of, stop

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handlers():
    return [signal.getsignal(number) for number in ALL]


@pytest.mark.parametrize("number", ALL)
def test_the_first_signal_only_acts_and_the_handlers_are_given_back(number):
    before, told = handlers(), []
    with heeded(told.append):
        signal.raise_signal(number)
    assert told == [number]
    assert handlers() == before


def test_a_signal_that_comes_twice_at_once_counts_once(monkeypatch):
    monkeypatch.setattr(signals, "ECHO", 1e9)
    told = []
    with heeded(told.append):
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
    assert told == [signal.SIGTERM]


def test_a_second_signal_does_what_it_did_before(monkeypatch):
    monkeypatch.setattr(signals, "ECHO", 0.0)
    outer, inner = [], []
    with heeded(outer.append), heeded(inner.append):
        signal.raise_signal(signal.SIGHUP)
        assert (inner, outer) == ([signal.SIGHUP], [])
        signal.raise_signal(signal.SIGTERM)
    assert (inner, outer) == ([signal.SIGHUP], [signal.SIGTERM])


def test_whoever_is_prepared_for_ctrl_c_is_prepared_for_all():
    with pytest.raises(KeyboardInterrupt) as caught, heeded(stop):
        signal.raise_signal(signal.SIGTERM)
    assert isinstance(caught.value, Stopped)
    assert (number_of(caught.value), str(caught.value)) == (signal.SIGTERM, "SIGTERM")
    assert number_of(KeyboardInterrupt()) == signal.SIGINT


def test_nothing_changes_in_other_threads():
    seen = []

    def look():
        with heeded(stop):
            seen.append(handlers())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [handlers()]


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with heeded(stop):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_ends_the_process_at_once():
    program = """
import signal
from pellucid import signals
signals.ECHO = 0.0
with signals.heeded(print):
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
"""
    ended = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert ended.returncode == -signal.SIGTERM
