from __future__ import annotations

import threading

import pytest

from pellucid.data.source import open_source
from pellucid.io import handles
from pellucid.io.handles import Handle
from pellucid.io.writing import write_array


class Opened:
    def __init__(self):
        self.closed = False

    def close(self):
        self.closed = True


def test_it_opens_on_first_use_and_stays_open():
    made = []
    handle = Handle(lambda: made.append(Opened()) or made[-1], Opened.close)
    assert not handle.is_open
    with handle as first, handle as second:
        assert first is second
    assert handle.is_open
    handle.close()
    assert made[0].closed
    with handle as third:
        assert third is not first


def test_the_least_recently_used_is_closed(monkeypatch):
    monkeypatch.setattr(handles, "LIMIT", 2)
    monkeypatch.setattr(handles, "_RECENT", type(handles._RECENT)())
    several = [Handle(Opened, Opened.close) for _ in range(3)]
    for number in (0, 1, 0, 2):
        with several[number]:
            pass
    assert [handle.is_open for handle in several] == [True, False, True]


def test_it_closes_when_it_is_no_longer_held():
    handle = Handle(Opened, Opened.close)
    with handle as opened:
        pass
    del handle
    assert opened.closed


def test_it_is_not_closed_while_it_is_used(monkeypatch):
    monkeypatch.setattr(handles, "LIMIT", 1)
    monkeypatch.setattr(handles, "_RECENT", type(handles._RECENT)())
    first, second = Handle(Opened, Opened.close), Handle(Opened, Opened.close)
    with first as opened:
        with second, second:
            second.close()
            assert second.is_open
        first.close()
        assert not opened.closed
    assert opened.closed
    assert not first.is_open
    assert not second.is_open


def test_several_threads_use_a_file_at_once():
    handle, meeting = Handle(Opened), threading.Barrier(3, timeout=10)

    def use():
        with handle:
            meeting.wait()

    threads = [threading.Thread(target=use) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not meeting.broken


def test_an_opener_that_fails_leaves_nothing_locked():
    def fail():
        raise OSError("no")

    with pytest.raises(OSError, match="no"), Handle(fail):
        pass
    done = threading.Event()

    def use():
        with Handle(Opened):
            done.set()

    thread = threading.Thread(target=use)
    thread.start()
    thread.join(10)
    assert done.is_set()


def test_more_files_than_may_be_open_are_read(tmp_path, picture, monkeypatch):
    monkeypatch.setattr(handles, "LIMIT", 4)
    for number in range(12):
        write_array(tmp_path / f"{number:02}.h5", picture((20, 30), seed=number))
    planes = open_source(tmp_path).planes
    for _ in range(2):
        for number, plane in enumerate(planes):
            assert (plane.read() == picture((20, 30), seed=number)).all()
    assert sum(plane.image._handle.is_open for plane in planes) == 4


def test_a_collected_handle_does_not_wait_for_whoever_holds_the_lock():
    forgotten = [Handle(Opened)]
    with forgotten[0]:
        pass
    with handles._LOCK:  # this thread holds the lock and waits for the other, as a library's reader threads make it do
        collector = threading.Thread(target=forgotten.clear, daemon=True)
        collector.start()
        collector.join(timeout=10)
        assert not collector.is_alive()
