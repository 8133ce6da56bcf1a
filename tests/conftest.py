from __future__ import annotations

import shutil
import signal
from functools import partial
from types import SimpleNamespace

import hypothesis
import numpy as np
import pytest
import torch

hypothesis.settings.register_profile("untimed", deadline=None)  # machines are busy
hypothesis.settings.load_profile("untimed")

SETTINGS = {"width": 4, "batch": 2, "steps": 6, "save_every": 3, "preview_every": 4, "learning_rate": 2e-3}
"""The settings of the run that many tests look at: a few seconds."""


def pytest_collection_modifyitems(items):
    """What is slow may take half an hour on a busy machine, where other tests have five minutes.

    The test of a training's memory is the longest: it begins first, or it would run alone in the end.
    """
    items.sort(key=lambda item: "test_training_memory" not in item.nodeid)
    for item in items:
        if item.get_closest_marker("slow") and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(1800))


@pytest.fixture(scope="session", autouse=True)
def _in_the_foreground():
    """What is begun in the background or by nohup ignores signals that tests send, and so would what they start."""
    for number, handler in {signal.SIGINT: signal.default_int_handler, signal.SIGHUP: signal.SIG_DFL}.items():
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.fixture(scope="session", autouse=True)
def _few_patches_are_measured():
    """What is measured with the weights whenever they are saved would take longer than the steps of a test."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pellucid.training.loop.RECALIBRATION_BATCHES", 4)
        patch.setattr("pellucid.runs.callbacks.STATISTICS_PATCHES", 8)
        yield


@pytest.fixture
def undrawn(monkeypatch):
    """Trainings draw no pictures, which would take longer than their steps."""
    for callback in ("DrawPreviews", "DrawCurves"):
        monkeypatch.setattr(f"pellucid.runs.callbacks.{callback}.act", lambda *_: None)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


class Clock:
    """Seconds that pass when told to."""

    now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    """In the place of the real one: tests wait for nothing."""
    return Clock()


@pytest.fixture
def one_thread():
    """What is compared bit for bit is computed with one thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory):
    """Folders `clean`, `noisy` and, for the latter, `truth`: three PNG of 96×96 pixels each. Not to be written to."""
    from pellucid.io.writing import write_array
    from pellucid.simulation.noise import simulate
    from pellucid.simulation.phantom import tissue

    folder = tmp_path_factory.mktemp("pictures")
    for number in range(3):
        truth = tissue((96, 96), seed=10 + number)
        write_array(folder / "clean" / f"a{number}.png", tissue((96, 96), seed=number))
        write_array(folder / "truth" / f"b{number}.png", truth)
        write_array(folder / "noisy" / f"b{number}.png", simulate(truth, "film", seed=number))
    return folder


@pytest.fixture(scope="session")
def settings():
    """The settings of the run `trained`."""
    return SETTINGS


@pytest.fixture(scope="session")
def trained(pictures, tmp_path_factory):
    """The folder of a finished run on `pictures`; beside it "half.pt", what it saved half-way. Not to be written to."""
    from pellucid.methods import make_recipe
    from pellucid.runs import trainer
    from pellucid.training import Callback

    folder = tmp_path_factory.mktemp("trained") / "run"

    class KeepHalf(Callback):
        def before_step(self, training):
            if training.number == SETTINGS["save_every"]:
                shutil.copy(folder / "state.pt", folder.with_name("half.pt"))

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    sources = {"clean": str(pictures / "clean"), "noisy": str(pictures / "noisy")}
    trainer.train(sources, folder, make_recipe("proposed", "quick", SETTINGS), "cpu", callbacks=[KeepHalf()])
    torch.set_num_threads(threads)
    return folder


def be_hasty(patch):
    """Let assessments take few small pairs, few structures, and one filter: a second or two in the place of minutes."""
    from pellucid.assessment import assess, clean_images, drawings, filters, page, planted, pseudo_pairs

    kinds = planted.Kind("membrane", (2, 8)), planted.Kind("gap", (8,))
    for module in (drawings, page, planted):
        patch.setattr(module, "CONTRASTS", (0.05, 0.4))
        patch.setattr(module, "KINDS", kinds)
    patch.setattr(clean_images, "PHANTOMS", 1)
    patch.setattr(clean_images, "SIDE", 96)
    patch.setattr(filters, "FILTERS", ("gaussian",))
    patch.setattr(assess, "PLANTED_IN", 1)
    patch.setattr(pseudo_pairs, "MEASURED", 1)
    patch.setattr(assess, "make_pseudo_pairs", partial(pseudo_pairs.make_pseudo_pairs, count=4, largest=64))


@pytest.fixture
def hasty(monkeypatch):
    """Assessments take a second or two."""
    be_hasty(monkeypatch)


@pytest.fixture
def command(capsys):
    """Run the command line in this process: its status, and what it printed."""
    from pellucid.cli import main

    def run(*arguments):
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        assert "\x1b" not in printed.out + printed.err  # nothing is coloured where nobody looks
        return SimpleNamespace(status=stop.value.code, out=printed.out, err=printed.err)

    return run


@pytest.fixture
def refused(command):
    """Run a command that must fail, and give the one line that it says why."""

    def run(*arguments, status=2):
        result = command(*arguments)
        lines = [line for line in result.err.splitlines() if line.startswith("pellucid:")]
        assert result.status == status, result.err
        assert len(lines) == 1, result.err
        assert result.err.splitlines()[-1] == lines[0]
        assert "Traceback" not in result.err + result.out
        assert "(--debug shows where)" not in lines[0]  # that is the line for what nobody thought of
        return lines[0]

    return run


@pytest.fixture
def picture():
    """An array of a shape and dtype whose values all fit every dtype, no two planes alike."""

    def make(shape, dtype="uint8", seed=0):
        return np.random.default_rng(seed).integers(0, 120, shape).astype(dtype)

    return make


@pytest.fixture
def pixels():
    """All planes of an image in its own shape."""

    def read(image):
        return np.stack([plane.read() for plane in image.planes]).reshape(image.shape)

    return read
