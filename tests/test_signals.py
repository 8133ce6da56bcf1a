from __future__ import annotations

import signal
import subprocess
import sys
import threading

import pytest

from pellucid import signals
from pellucid.signals import Stopped, number_of, stop_on_signals, stop_request

ALL = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def handlers():
    return [signal.getsignal(number) for number in ALL]


@pytest.mark.parametrize("number", ALL)
def test_the_first_signal_stops_and_the_handlers_are_restored(number):
    before = handlers()
    with pytest.raises(KeyboardInterrupt) as caught, stop_on_signals():
        signal.raise_signal(number)
    assert isinstance(caught.value, Stopped)
    assert (number_of(caught.value), str(caught.value)) == (number, signal.Signals(number).name)
    assert handlers() == before


def test_python_s_own_interrupt_is_sigint():
    assert number_of(KeyboardInterrupt()) == signal.SIGINT


@pytest.mark.parametrize("number", ALL)
def test_within_a_request_the_first_signal_is_noted(number):
    with stop_on_signals(), stop_request() as request:
        assert request.number is None
        signal.raise_signal(number)
        assert request.number == number


def test_a_signal_that_comes_twice_at_once_counts_once(monkeypatch):
    monkeypatch.setattr(signals, "ECHO", 1e9)
    with stop_on_signals(), stop_request() as request:
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGHUP)
    assert request.number == signal.SIGTERM


def test_a_second_signal_does_what_it_did_before(monkeypatch):
    monkeypatch.setattr(signals, "ECHO", 0.0)
    seen = []
    before = signal.signal(signal.SIGTERM, lambda number, _: seen.append(number))
    try:
        with stop_on_signals(), stop_request() as request:
            signal.raise_signal(signal.SIGHUP)
            assert (request.number, seen) == (signal.SIGHUP, [])
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (request.number, seen) == (signal.SIGHUP, [signal.SIGTERM])


def test_a_request_alone_changes_no_handler():
    before = handlers()
    with stop_request():
        assert handlers() == before


def test_nothing_changes_in_other_threads():
    seen = []

    def look():
        with stop_on_signals():
            seen.append(handlers())

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert seen == [handlers()]


def test_what_nohup_ignores_stays_ignored():
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with stop_on_signals():
            assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_second_signal_ends_the_process_at_once():
    program = """
import signal
from pellucid import signals
signals.ECHO = 0.0
with signals.stop_on_signals(), signals.stop_request():
    signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGTERM)
"""
    ended = subprocess.run([sys.executable, "-c", program], timeout=60, check=False)
    assert ended.returncode == -signal.SIGTERM
