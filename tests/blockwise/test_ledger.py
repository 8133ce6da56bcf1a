from __future__ import annotations

import os
import signal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pellucid.blockwise import ledger as room
from pellucid.blockwise.ledger import Ledger, Outcome, Task
from pellucid.errors import InputError, RunError
from pellucid.evaluation import PairMoments, RemovedNoise
from tests.processes import dies

KEY = {"model": "a1", "region": None, "estimates": True, "chunks": (1, 2)}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "job" / "ledger.sqlite"


@pytest.fixture
def ledger(path):
    path.parent.mkdir()
    with Ledger(path) as ledger:
        yield ledger


def test_what_is_done_is_known_and_nothing_else(ledger):
    done = [Task("blocks", 0, 0, 3), Task("levels", 0, 1, 3), Task("finish", 2), Task("statistics", number=3)]
    for task in done:
        ledger.mark(task, Outcome())
        ledger.mark(task, Outcome())
    others = [Task("blocks", 1, 0, 3), Task("blocks", 0, 0, 4), Task("levels", 0, 2, 3), Task("finish", 0)]
    assert [ledger.has(task) for task in done + others] == [True] * 4 + [False] * 4
    assert ledger.count() == 4
    assert ledger.count("blocks") == ledger.count("statistics") == 1


moments = [st.integers(1, 10**6), *[st.floats(-1e3, 1e3)] * 2, *[st.floats(0, 1e6)] * 3]
removed = st.builds(RemovedNoise, *[st.builds(PairMoments, *moments)] * 4)
outcomes = st.builds(Outcome, *[st.integers(0, 10**12)] * 3, removed, st.integers(0, 10**12))


@pytest.fixture(scope="module")
def fast(tmp_path_factory):
    """A ledger that saves nothing before its end."""
    with pytest.MonkeyPatch.context() as patch, Ledger(tmp_path_factory.mktemp("job") / "ledger.sqlite") as ledger:
        patch.setattr(ledger, "save", lambda: None)
        yield ledger


@given(marks=st.lists(st.tuples(st.integers(0, 2), outcomes), max_size=9))
def test_outcomes_of_an_image_add_up_and_are_forgotten_together(fast, marks):
    fast.mark(Task("levels", 0, 1, 0), Outcome(7, 7, 7, written=7))
    fast.mark(Task("statistics", 0, 0, 0), Outcome())
    for number, (image, outcome) in enumerate(marks):
        fast.mark(Task("blocks", image, 0, number), outcome)
    for image in range(3):
        whole = sum((each for of, each in marks if of == image), Outcome())
        assert fast.outcome(image) == whole
        assert fast.written(image) == whole.written + (7 if image == 0 else 0)
        fast.forget(image)
        assert fast.outcome(image) == Outcome()
    assert fast.count() == fast.count("statistics") == 1


def test_a_ledger_that_was_removed_is_told(path, ledger):
    ledger.save()
    path.unlink()
    with pytest.raises(RunError, match=r"ledger\.sqlite: removed during the run"):
        ledger.save()
    path.write_bytes(b"another")
    assert ledger.is_gone()


def test_the_same_settings_agree_in_any_order_also_later(path, ledger):
    ledger.agree(KEY)
    ledger.agree(dict(reversed(KEY.items())))
    with Ledger(path) as again:
        again.agree({**KEY, "chunks": [1, 2]})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"model": "b2"}, 'model was "a1", now "b2"'),
        ({"region": "0:1,0:2"}, 'region was null, now "0:1,0:2"'),
        ({"estimates": False, "chunks": None}, r"estimates was true, now false; chunks was \[1, 2\], now null"),
        ({"new": 1}, "new was nothing, now 1"),
        ({"model": "c" * 100}, r'now "c{56}\.\.\.'),
    ],
)
def test_other_settings_are_refused_and_named(change, said, ledger):
    ledger.agree(KEY)
    with pytest.raises(InputError, match=said) as told:
        ledger.agree({**KEY, **change})
    assert "job: begun with other settings (" in str(told.value)
    assert "--overwrite to begin again" in str(told.value)
    unchanged = set(KEY) - set(change)
    assert not any(f"{name} was" in str(told.value) for name in unchanged)
    ledger.agree(KEY)


def _mark_and_die(path, patience):
    room._PATIENCE = patience
    with Ledger(path) as ledger:
        ledger.agree(KEY)
        for number in range(50):
            ledger.mark(Task("blocks", number=number), Outcome(1))
            if number == 9:
                ledger.save()
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(("patience", "kept"), [(3600.0, 10), (-1.0, 50)])
def test_marks_survive_the_process_that_wrote_them(patience, kept, path):
    """But for those of the last seconds."""
    path.parent.mkdir()
    assert dies(_mark_and_die, path, patience)
    with Ledger(path) as ledger:
        ledger.agree(KEY)
        assert ledger.count("blocks") == kept
        assert ledger.outcome(0).clipped == kept
        assert [ledger.has(Task("blocks", number=number)) for number in (0, 9, kept - 1, kept)] == [True] * 3 + [False]


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2 // 4096 * 4096])


def scribble(path):
    content = bytearray(path.read_bytes())
    content[4096:] = b"\x99" * (len(content) - 4096)
    path.write_bytes(content)


@pytest.mark.parametrize("damage", [truncate, scribble, lambda path: path.write_text("no database " * 99)])
def test_a_damaged_file_is_one_line(damage, path):
    path.parent.mkdir()
    with Ledger(path) as ledger:
        ledger.agree(KEY)
        for number in range(2000):
            ledger.mark(Task("blocks", number=number), Outcome())
    damage(path)
    with pytest.raises(InputError, match=r"ledger\.sqlite: damaged \(.*\); begin again with --overwrite") as told:
        Ledger(path)
    assert "\n" not in str(told.value)
