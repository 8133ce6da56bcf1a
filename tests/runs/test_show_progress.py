from __future__ import annotations

from types import SimpleNamespace

import pytest

from pellucid.runs.callbacks import ShowProgress


class NotedBar:
    def set(self, done, note=""):
        self.shown = done, note


@pytest.mark.parametrize(
    ("losses", "note"), [({"measured": 32.0}, "step 3  measuring the noise"), ({"error": 0.5}, "step 3  error 0.500")]
)
def test_a_method_that_measures_says_so(losses, note):
    method = SimpleNamespace(shown_losses=("error",), recipe=SimpleNamespace(minutes=10))
    training = SimpleNamespace(number=3, seconds=7.0, method=method, execution=SimpleNamespace(compile=False))
    bar = NotedBar()
    show = ShowProgress(bar)
    show.on_start(training, None)
    show.after_step(training, losses)
    assert bar.shown == (7.0, note)
