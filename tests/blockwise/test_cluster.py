"""Real workers in processes of their own: what they write is what a single process writes, whatever happens to them."""

from __future__ import annotations

import io
import logging
import math
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import socket
import ssl
import stat
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import dask
import numpy as np
import psutil
import pytest
import torch
import zarr
from distributed import Client
from distributed.security import Security

from pellucid.blockwise import cluster, dask_executor, dask_worker, plan
from pellucid.blockwise.cluster import Cluster
from pellucid.blockwise.dask_executor import DaskExecutor, hung_workers
from pellucid.blockwise.dask_worker import BlockPlugin, Report
from pellucid.blockwise.ledger import Outcome, Task
from pellucid.blockwise.lock import renew_token
from pellucid.blockwise.serial import SerialExecutor
from pellucid.blockwise.worker import BlockWorker
from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError, ModelError, RunError
from pellucid.inference import ActivationCache, View, exact_statistics
from pellucid.io.manifest import ChangedError
from pellucid.methods import build, make_recipe
from pellucid.model import Model
from pellucid.runs.folder import Run
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

BLOCKS = 2 * 3 * 4
MEMORY = 100_000
"""Bytes, so that a block is a single chunk."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a run that has learned nothing."""
    torch.manual_seed(0)
    recipe = make_recipe("proposed", settings={"width": 4})
    run = Run(tmp_path_factory.mktemp("runs") / "run")
    ranges = {"noisy": IntensityRange.from_limits(0, 255)}
    run.start(recipe, ranges, {"noisy": np.dtype(np.uint8)}, {"sources": {}})
    denoiser = build(recipe).denoiser.eval()
    run.save_weights(recipe.weights, denoiser.state_dict(), 0)
    view = View.of_array(np.random.default_rng(0).normal(size=(32, 32)).astype(np.float32), denoiser.stride)
    with ActivationCache(math.inf) as cache:
        run.save_statistics(recipe.weights, exact_statistics(denoiser, view, 32, cache))
    run.save_structure({})
    return run.folder


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    path = tmp_path_factory.mktemp("volume") / "in.zarr"
    pixels = simulate(tissue((2, 160, 200), seed=2), "film", seed=1)
    zarr.create_array(path, shape=pixels.shape, chunks=(1, 64, 64), dtype=pixels.dtype)[:] = pixels
    return path


@pytest.fixture(autouse=True)
def _large_tiles_in_small_blocks(monkeypatch):
    monkeypatch.setattr(plan, "affordable_side", lambda *_: 64)


def denoise(run, volume, output, where=None):
    processes = Cluster(where, None).processes if where else None
    model = Model.load(run, device="cpu", memory=MEMORY * (processes or 1))
    model.denoise_files(volume, output, statistics="sampled", cluster=where)
    return pixels_of(output)


def pixels_of(path):
    levels = sorted(zarr.open(path, mode="r").arrays())
    return [level[:] for _, level in levels]


def equal(ones, others):
    return len(ones) == len(others) and all(map(np.array_equal, ones, others))


@pytest.fixture(scope="module")
def expected(run, volume, tmp_path_factory):
    """What a single process writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "affordable_side", lambda *_: 64)
        return denoise(run, volume, tmp_path_factory.mktemp("serial") / "out.zarr")


# what workers do in the tests


def opening(opener, deed, notes):
    """Open the model in a worker that will write a journal and do the deed when it comes to block 5."""
    read, write = BlockWorker.read, BlockWorker.write

    def noted_read(self, task):
        if task.stage != "blocks":
            return read(self, task)
        note(notes, "begin", task)
        if task.number == 5:
            deed(notes)
        return read(self, task)

    def noted_write(self, task, result):
        outcome = write(self, task, result)
        if task.stage == "blocks":
            note(notes, "end", task)
        return outcome

    BlockWorker.read, BlockWorker.write = noted_read, noted_write
    return opener()


def note(notes, what, task):
    line = f"{what} {task.image}.{task.number} {os.getpid()} {time.time()}\n"
    with (notes / "journal").open("a") as journal:
        journal.write(line)


def nothing(notes):
    pass


def die(notes):
    os.kill(os.getpid(), signal.SIGKILL)


def once(deed, notes):
    with suppress(FileExistsError):
        (notes / "done").touch(exist_ok=False)
        deed(notes)


def fail_and_later_die(notes):
    """Fail at the first try, be killed at the second."""
    try:
        (notes / "failed").touch(exist_ok=False)
    except FileExistsError:
        once(die, notes)
    else:
        raise OSError("for once")


def freeze(notes):
    os.kill(os.getpid(), signal.SIGSTOP)


def sleep(notes):
    time.sleep(1000)


@pytest.fixture
def workers_that(monkeypatch, tmp_path):
    """Let workers do a deed; gives the folder with their journal."""

    def let(deed):
        honest = Model.opener
        monkeypatch.setattr(Model, "opener", lambda self: partial(opening, honest(self), deed, tmp_path))
        return tmp_path

    return let


def hands(notes):
    """By block: who had it, from when until when; those who died had it until then, which is not known."""
    found = defaultdict(list)
    for line in (notes / "journal").read_text().splitlines():
        what, block, pid, at = line.split()
        if what == "begin":
            found[block].append([pid, float(at), None])
        else:
            next(entry for entry in reversed(found[block]) if entry[0] == pid)[2] = float(at)
    return found


def pids(notes):
    return {pid for entries in hands(notes).values() for pid, _, _ in entries}


# on this machine


@contextmanager
def stopped_after(blocks):
    """What a single process does ends in the middle."""
    serially = SerialExecutor.run

    def run(self, tasks):
        for number, finished in enumerate(serially(self, tasks)):
            if finished[0].stage == "blocks" and number == blocks:
                raise KeyboardInterrupt
            yield finished

    with pytest.MonkeyPatch.context() as patch, suppress(KeyboardInterrupt):
        patch.setattr(SerialExecutor, "run", run)
        yield
        pytest.fail("nothing was left")


def test_workers_of_which_one_fails_and_one_is_killed_resume_the_run_of_one_process(
    run, volume, expected, tmp_path, workers_that
):
    notes = workers_that(fail_and_later_die)
    with stopped_after(3):
        denoise(run, volume, tmp_path / "out.zarr")
    assert equal(denoise(run, volume, tmp_path / "out.zarr", "local:2"), expected)
    found = hands(notes)
    assert len(found) == BLOCKS - 3
    assert len(pids(notes)) >= 2  # three, if the new one comes in time
    assert [end is None for _, _, end in found["0.5"]] == [True, True, False]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["done", "failed", "journal", "out.zarr"]


@pytest.mark.slow
def test_a_block_that_kills_all_its_workers_fails_alone(run, volume, expected, tmp_path, workers_that):
    workers_that(die)
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),  # so that its neighbours are suspected too
        pytest.raises(RunError, match=r"1 blocks failed \(block 5 of image 0: its workers died again and again"),
    ):
        denoise(run, volume, tmp_path / "out.zarr", "local:2")
    assert equal(denoise(run, volume, tmp_path / "out.zarr"), expected)  # a single process takes up what is left


@pytest.mark.slow
def test_a_worker_that_stands_still_is_replaced_by_dask(run, volume, expected, tmp_path, workers_that):
    workers_that(partial(once, freeze))
    with dask.config.set({"distributed.scheduler.worker-ttl": "5s"}):
        assert equal(denoise(run, volume, tmp_path / "out.zarr", "local:2"), expected)


@pytest.mark.slow
def test_a_worker_at_an_endless_block_is_replaced(run, volume, expected, tmp_path, workers_that, monkeypatch, capsys):
    monkeypatch.setattr(dask_executor, "LONGEST", 5.0)
    monkeypatch.setattr(dask_executor, "SLOWER", 1.0)
    workers_that(partial(once, sleep))
    assert equal(denoise(run, volume, tmp_path / "out.zarr", "local:2"), expected)
    assert "started anew" in capsys.readouterr().err


INTERRUPTED = """
from functools import partial
from pathlib import Path
from pellucid.blockwise import plan
from pellucid.cli import main
from pellucid.model import Model
from tests.blockwise import test_cluster

plan.LARGEST_BLOCK = 4096
honest = Model.opener
Model.opener = lambda self: partial(test_cluster.opening, honest(self), test_cluster.sleep, Path(__file__).parent)
if __name__ == "__main__":
    main()
"""


def test_ctrl_c_stops_the_worker_too_and_the_run_goes_on_later(run, volume, expected, tmp_path):
    """As a terminal sends it: to all processes at once."""
    script, output = tmp_path / "script.py", tmp_path / "out.zarr"
    script.write_text(INTERRUPTED)
    options = ["--model", run, "--cluster", "local:1", "--statistics", "sampled", "--device", "cpu"]
    command = [sys.executable, script, "denoise", volume, output, *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(Path.cwd()), *sys.path])}
    with subprocess.Popen(
        list(map(str, command)), env=environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not (tmp_path / "journal").exists() or "begin 0.5" not in (tmp_path / "journal").read_text():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.05)
        children = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said
    assert "the same command goes on with it" in said
    assert psutil.wait_procs(children, timeout=60)[1] == []
    assert output.with_name("out.zarr.unfinished").exists()


def listening():
    """The ports of this process and of its children on which something listens: all on the loopback."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sockets = [socket for process in processes for socket in process.net_connections()]
    heard = [found.laddr for found in sockets if found.status == psutil.CONN_LISTEN]
    assert {address.ip for address in heard} <= {"127.0.0.1"}
    return {address.port for address in heard}


def stranger():
    """A certificate as good as that of a run, but of another; it trusts any."""
    context = Security.temporary().get_connection_args("client")["ssl_context"]
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def nobody():
    """No certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


def is_answered(port, context):
    """Whether what listens there has a word for who shows this; None: who speaks in clear."""
    with (
        suppress(ssl.SSLError, ConnectionError),
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        plain if context is None else context.wrap_socket(plain) as connection,
    ):
        connection.sendall(b"GET /info HTTP/1.0\r\n\r\n")
        return connection.recv(1) != b""
    return False


def _as_another_user(ports, folder):
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    assert not any(is_answered(port, context()) for port in ports for context in (nobody, stranger))
    assert not any(is_answered(port, None) for port in ports)
    with pytest.raises(PermissionError):
        list(folder.iterdir())


def test_a_scheduler_on_this_machine_answers_those_alone_who_have_its_certificate():
    before = listening()
    with cluster._local(0) as local:
        (port,) = listening() - before  # nor is there an HTTP server
        insider = local.security.get_connection_args("client")["ssl_context"]
        assert is_answered(port, insider)
        assert not any(is_answered(port, context) for context in (nobody(), stranger(), None))


@pytest.mark.slow
def test_workers_on_this_machine_can_be_used_by_no_other_user(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = listening()
    with cluster._local(1) as local:
        ports = listening() - before
        assert len(ports) == 3  # scheduler, worker, and who watches over it
        (folder,) = tmp_path.glob("pellucid-*")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        insider = local.security.get_connection_args("client")["ssl_context"]
        assert all(is_answered(port, insider) for port in ports)
        assert not any(is_answered(port, context) for port in ports for context in (nobody(), stranger(), None))
        if os.getuid() != 0:
            pytest.skip("only root can try as another user")
        process = multiprocessing.get_context("forkserver").Process(target=_as_another_user, args=(ports, folder))
        process.start()
        process.join(60)
        assert process.exitcode == 0


def remove(path, notes):
    shutil.rmtree(path)


@pytest.mark.slow
def test_an_input_that_vanishes_ends_the_run(run, volume, tmp_path, workers_that):
    given = shutil.copytree(volume, tmp_path / "in.zarr")
    workers_that(partial(once, partial(remove, given)))
    with pytest.raises(RunError, match=r"in\.zarr/c/.*: has vanished while it was in use"):
        denoise(run, given, tmp_path / "out.zarr", "local:2")
    assert not (tmp_path / "out.zarr").exists()


# a scheduler that runs


@pytest.fixture
def scheduler(tmp_path, monkeypatch):
    """A scheduler and workers as somebody would start them: `start(what, ...)`, `kill(what)`, `address`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, scratch = f"tcp://127.0.0.1:{port}", str(tmp_path / "scratch")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "DASK_TEMPORARY_DIRECTORY": scratch}
    monkeypatch.setattr(cluster, "_FIRST_PATIENCE", 60.0)  # it is started just before
    kinds = {
        "scheduler": ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"],
        "worker": ["worker", address, "--nthreads", "1", "--no-dashboard"],
    }
    started, over = defaultdict(list), threading.Event()

    def start(what, **variables):
        if over.is_set():  # the test has failed before its accident has happened
            return
        command, log = [sys.executable, "-m", "dask", *kinds[what]], subprocess.DEVNULL
        process = subprocess.Popen(
            command, env={**environment, **variables}, stdout=log, stderr=log, start_new_session=True
        )
        started[what].append(process)

    def kill(what):
        for process in started.pop(what, []):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    yield SimpleNamespace(address=address, start=start, kill=kill)
    over.set()
    kill("worker")
    kill("scheduler")


def when(condition, act):
    """Act in another thread as soon as something is so."""

    def wait():
        while not condition():
            time.sleep(0.05)
        act()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    return thread


def ended(notes, count):
    journal = notes / "journal"
    return journal.exists() and journal.read_text().count("end") >= count


def dawdle(notes):
    """Be at the block until new workers are at work, and a while longer."""
    while not (notes / "back").exists():
        time.sleep(0.1)
    old = pids(notes)
    while pids(notes) == old:
        time.sleep(0.1)
    time.sleep(3)


@pytest.mark.slow
def test_a_scheduler_that_is_killed_and_started_again(run, volume, expected, tmp_path, workers_that, scheduler, capsys):
    def start_again():
        scheduler.kill("scheduler")
        time.sleep(1)
        for what in ("scheduler", "worker", "worker"):  # those of before may still be at work
            scheduler.start(what)
        (notes / "back").touch()

    notes = workers_that(partial(once, dawdle))
    for what in ("scheduler", "worker", "worker"):
        scheduler.start(what)
    accident = when(lambda: ended(notes, 6), start_again)
    assert equal(denoise(run, volume, tmp_path / "out.zarr", scheduler.address), expected)
    accident.join()
    said = capsys.readouterr().err
    assert "the scheduler is gone" in said
    assert "the scheduler is back" in said
    assert set(hands(notes)) == {f"0.{number}" for number in range(BLOCKS)}


@pytest.fixture
def _silent_dask():
    """Dask prints nothing of its own."""
    handler = logging.StreamHandler(io.StringIO())
    logging.getLogger("distributed").addHandler(handler)
    yield
    logging.getLogger("distributed").removeHandler(handler)
    assert handler.stream.getvalue() == ""


@pytest.mark.slow
@pytest.mark.usefixtures("_silent_dask")
def test_a_scheduler_that_does_not_come_back(run, volume, expected, tmp_path, workers_that, scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 10.0)
    notes = workers_that(nothing)
    scheduler.start("scheduler")
    scheduler.start("worker")
    accident = when(lambda: ended(notes, 6), lambda: scheduler.kill("scheduler"))
    with pytest.raises(RunError, match="the scheduler has not come back; start one, and the same command resumes"):
        denoise(run, volume, tmp_path / "out.zarr", scheduler.address)
    accident.join()
    assert equal(denoise(run, volume, tmp_path / "out.zarr"), expected)


@pytest.mark.slow
def test_a_worker_that_does_not_see_the_files(run, volume, tmp_path, scheduler, monkeypatch):
    scheduler.start("scheduler")
    scheduler.start("worker")
    monkeypatch.setattr(Model, "opener", lambda self: lost_run)
    with pytest.raises(RunError, match=r"the worker on .* cannot begin"):
        denoise(run, volume, tmp_path / "out.zarr", scheduler.address)


def lost_run():
    raise FileNotFoundError("no such run")


def opening_in_some(opener, notes):
    """Open the model but in a worker that lacks it."""
    if os.environ.get("LACKS_THE_MODEL"):
        (notes / "refused").touch()
        lost_run()
    return opener()


def wait_for_refusal(notes):
    while not (notes / "refused").exists():
        time.sleep(0.1)


@pytest.mark.slow
def test_a_worker_that_comes_later_without_the_files_is_sent_away(
    run, volume, expected, tmp_path, workers_that, scheduler, monkeypatch, capsys
):
    notes = workers_that(wait_for_refusal)
    fit = Model.opener
    monkeypatch.setattr(Model, "opener", lambda self: partial(opening_in_some, fit(self), notes))
    scheduler.start("scheduler")
    scheduler.start("worker")
    arrival = when(lambda: ended(notes, 3), lambda: scheduler.start("worker", LACKS_THE_MODEL="yes"))
    assert equal(denoise(run, volume, tmp_path / "out.zarr", scheduler.address), expected)
    arrival.join()
    assert "cannot begin (no such run): all machines need the same files" in capsys.readouterr().err
    with Client(scheduler.address, set_as_default=False) as client:  # the model is dropped with the run
        assert [name for names in client.run(plugins).values() for name in names if "pellucid" in name] == []


def plugins(dask_worker):
    return list(dask_worker.plugins)


# without a cluster


@pytest.mark.parametrize("where", ["local", "local:0", "local:two", "http://here", "8786"])
def test_a_cluster_that_is_none(where):
    with pytest.raises(InputError, match=r"give local:N, .* or tcp://HOST:PORT"):
        Cluster(where, nothing)


def test_dask_is_an_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(InputError, match=r"pip install 'pellucid\[cluster\]'"):
        Cluster("local:2", nothing)


def test_a_format_that_one_process_must_write_alone(run, tmp_path):
    np.save(tmp_path / "in.npy", np.zeros((2, 64, 64), np.uint8))
    with pytest.raises(InputError, match=r"out.npy: .* give an output that ends in .zarr"):
        denoise(run, tmp_path / "in.npy", tmp_path / "out.npy", "tcp://127.0.0.1:1")
    assert [path.name for path in tmp_path.iterdir()] == ["in.npy"]


def test_no_scheduler_at_the_address(run, volume, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "_FIRST_PATIENCE", 0.5)
    with pytest.raises(InputError, match="no scheduler answers there"):
        denoise(run, volume, tmp_path / "out.zarr", "tcp://127.0.0.1:1")
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize("recipe", ["gaussian", "self2self"])
def test_a_model_without_a_run_opens_elsewhere_as_well(volume, recipe):
    model = Model.for_images(make_recipe(recipe, "quick"), volume, device="cpu")
    opened = pickle.loads(pickle.dumps(model.opener()))()
    assert opened.fingerprint == model.spec.fingerprint


def test_a_model_of_a_run_opens_elsewhere_with_its_range(run):
    model = Model.load(run, device="cpu").with_intensity_range(10, 99)
    opened = pickle.loads(pickle.dumps(model.opener()))()
    assert opened.fingerprint == model.spec.fingerprint
    assert (opened.intensity_range.low, opened.intensity_range.high) == (10, 99)


def test_a_model_of_one_estimate_opens_elsewhere_as_such(run):
    model = Model.load(run, device="cpu").only("F")
    opened = pickle.loads(pickle.dumps(model.opener()))()
    assert opened.fingerprint == model.spec.fingerprint
    assert tuple(opened.denoiser.estimate_names) == ("F",)


# the executor alone


class Reported(SimpleNamespace):
    """The future of a task that is finished if it has a report; it can be fetched after some failures."""

    status = "finished"

    def add_done_callback(self, act):
        if self.report:
            act(self)

    def result(self, timeout):
        if self.losses:
            raise self.losses.pop()
        return self.report


class Scheduler:
    """What the executor asks of Dask's client. Tasks are done when they are sent, as long as there are reports."""

    status = "running"

    def __init__(self, reports=(), running=(), looks=math.inf, losses=()):
        self.reports = iter(reports)
        self.running = dict(running)
        self.looks = looks
        self.losses = list(losses)
        self.restarted = []

    def register_plugin(self, plugin):
        pass

    def run_on_scheduler(self, function):
        self.looks -= 1
        if self.looks < 0:
            raise KeyboardInterrupt
        return self.running

    def restart_workers(self, workers, **options):
        self.restarted += workers

    def submit(self, function, plugin, task, **options):
        return Reported(key=task.number, report=next(self.reports, None), losses=self.losses)


def executor(client, monkeypatch):
    monkeypatch.setattr(dask_executor, "TICK", 0.0)
    return DaskExecutor(client, SimpleNamespace(name="run"), 0)


def reports(number):
    return [Report(Outcome(), 1.0, "one")] * number


def test_few_tasks_are_under_way_however_many_there_are(monkeypatch):
    taken, done = [], 0
    tasks = (taken.append(number) or Task("blocks", number=number) for number in range(1000))
    for _ in executor(Scheduler(reports(1000), {"one": {}, "other": {}}), monkeypatch).run(tasks):
        done += 1
        assert len(taken) - done <= 2 * dask_executor.AHEAD
    assert done == 1000


def test_a_report_that_is_lost_with_its_worker_is_awaited_again(monkeypatch):
    client = Scheduler(reports(1), losses=[ConnectionError(), TimeoutError()])
    task = Task("blocks")
    assert list(executor(client, monkeypatch).run([task])) == [(task, Outcome())]


def test_a_full_disk_ends_the_run(monkeypatch):
    client = Scheduler([*reports(1), Report(RunError("disk full"), 1.0, "one")])
    with pytest.raises(RunError, match="disk full"):
        list(executor(client, monkeypatch).run(Task("blocks", number=number) for number in range(3)))


def test_who_hangs_is_judged_by_what_others_take():
    running = {"one": {"a": 301.0, "b": 0.0}, "other": {"c": 1201.0}, "foreign": {"d": 1e6}, "idle": {}}
    assert hung_workers(running, "abc", None) == []  # nothing is done yet: who knows how long it takes
    assert hung_workers(running, "abc", 1.0) == ["one", "other"]
    assert hung_workers(running, "abc", 60.0) == ["other"]
    assert hung_workers(running, "abc", 61.0) == []


@pytest.mark.parametrize(("blocks", "restarted"), [([], []), (reports(1), ["one"])])
def test_statistics_say_nothing_of_how_long_a_block_takes(blocks, restarted, monkeypatch):
    client = Scheduler(reports(3), {"one": {}})
    runner = executor(client, monkeypatch)
    assert len(list(runner.run(Task("statistics", number=number) for number in range(3)))) == 3
    client.reports, client.running, client.looks = iter(blocks), {"one": {1: 1e6}}, 3
    with pytest.raises(KeyboardInterrupt):
        list(runner.run(Task("blocks", number=number) for number in range(3)))
    assert client.restarted[:1] == restarted


# a worker process alone


@pytest.fixture(scope="module")
def stopped(run, volume, tmp_path_factory):
    """The folder that a stopped run leaves; the paths in its plan are relative."""
    folder = tmp_path_factory.mktemp("stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "affordable_side", lambda *_: 64)
        patch.chdir(folder)
        Path("in.zarr").symlink_to(volume)
        with stopped_after(3):
            denoise(run, "in.zarr", "out.zarr")
    return folder


@pytest.fixture
def begun(run, stopped, tmp_path, monkeypatch):
    """A copy of that folder, and its model."""
    shutil.copytree(stopped, tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out.zarr.unfinished", Model.load(run, device="cpu")


def plugin(begun):
    folder, model = begun
    return BlockPlugin(folder, model.opener(), model.spec, None)


def sent(found, threads=1):
    """The plugin in another process."""
    found = pickle.loads(pickle.dumps(found))
    found.setup(SimpleNamespace(address="here", state=SimpleNamespace(nthreads=threads)))
    return found


def outcome_of(found):
    return sent(found).do(Task("blocks", number=BLOCKS - 1)).outcome


def test_a_worker_process_does_a_block_wherever_it_runs(begun, tmp_path, monkeypatch):
    found = plugin(begun)
    monkeypatch.chdir(tmp_path.parent)
    assert isinstance(outcome_of(found), Outcome)


def test_a_process_of_many_threads_does_one_task_at_a_time_with_all_of_them(begun):
    found, at_work, seen = sent(plugin(begun), threads=3), [], []

    def do(task):
        at_work.append(task)
        time.sleep(0.05)
        seen.append((len(at_work), torch.get_num_threads()))
        at_work.pop()
        return Outcome()

    found._worker = SimpleNamespace(do=do)
    with ThreadPoolExecutor(3) as pool:
        assert {report.outcome for report in pool.map(found.do, [Task("blocks")] * 6)} == {Outcome()}
    assert seen == [(1, 3)] * 6


@pytest.mark.parametrize("problem", [RunError("disk full"), ChangedError("vanished"), ModelError("not finite")])
def test_what_trying_again_cannot_fix_is_reported_and_not_raised(begun, problem):
    found = sent(plugin(begun))

    def do(task):
        raise problem

    found._worker = SimpleNamespace(do=do)
    assert found.do(Task("blocks")).outcome is problem
    problem = OSError("for once")
    with pytest.raises(OSError, match="for once"):  # which has Dask try again
        found.do(Task("blocks"))


def test_another_version_is_refused(begun, monkeypatch):
    found = plugin(begun)
    monkeypatch.setattr(dask_worker, "__version__", "0.0")
    assert re.search(r"the worker on .* has Pellucid 0\.0, not .*: install the same", str(outcome_of(found)))


def test_another_model_under_the_same_path_is_refused(begun, monkeypatch):
    found = plugin(begun)
    found._fingerprint = "another"
    assert "has another model under the same path: copy the run's folder again" in str(outcome_of(found))


def test_a_folder_that_is_not_seen_is_told(begun):
    found = plugin(begun)
    shutil.rmtree(begun[0])
    assert re.search(r"does not see .*out\.zarr\.unfinished .*: all machines need the same", str(outcome_of(found)))


def test_who_begins_late_for_an_earlier_leader_is_refused(begun):
    found = plugin(begun)
    renew_token(begun[0])
    assert "taken over by another process" in str(outcome_of(found))


def test_each_worker_sees_one_of_several_gpus(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [cluster._environment(number, 2) for number in range(3)] == [
        {"CUDA_VISIBLE_DEVICES": gpu} for gpu in ("0", "1", "0")
    ]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "5,7")
    assert cluster._environment(1, 2) == {"CUDA_VISIBLE_DEVICES": "7"}
    assert cluster._environment(0, 1) == {}


# the same pixels


def test_the_same_pixels_as_array_or_file_at_any_memory_alone_or_on_a_cluster(run, tmp_path):
    """Exact statistics, with a canvas, a blank plane, and chunks that are missing."""
    padding = np.zeros((3, 96, 136), bool)
    padding[0, :, :50], padding[1], padding[2, 64:, 64:128] = True, True, True
    pixels = np.where(padding, np.uint8(0), simulate(tissue((3, 96, 136), seed=3), "film", seed=2).clip(1))
    store = zarr.create_array(tmp_path / "in.zarr", shape=pixels.shape, chunks=(1, 64, 64), dtype=pixels.dtype)
    store[:] = pixels  # chunks that hold the fill value alone are not written
    array = Model.load(run, device="cpu").denoise(pixels)
    results = {"plane": np.stack([Model.load(run, device="cpu").denoise(plane) for plane in pixels])}
    for name, memory, where in (("tiles", 30_000, None), ("whole", 1 << 30, None), ("cluster", MEMORY, "local:1")):
        model = Model.load(run, device="cpu", memory=memory)
        model.denoise_files(tmp_path / "in.zarr", tmp_path / f"{name}.zarr", cluster=where)
        results[name] = pixels_of(tmp_path / f"{name}.zarr")[0]
    results["array in tiles"] = Model.load(run, device="cpu", memory=30_000).denoise(pixels)
    for name, result in results.items():
        difference = np.abs(result.astype(int) - array)
        assert difference.max() <= 1, name
        assert (difference > 0).mean() < 1e-3, name
        assert (result[padding] == 0).all(), name
    assert array[~padding].std() > 1
