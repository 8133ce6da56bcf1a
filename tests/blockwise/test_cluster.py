"""Real workers in processes of their own: what they write is what a single process writes, whatever happens to them."""

from __future__ import annotations

import multiprocessing
import os
import pickle
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
from contextlib import contextmanager, suppress
from functools import partial
from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import psutil
import pytest
import torch
import zarr

from pellucid.blockwise import cluster, dask_executor, plan, security
from pellucid.blockwise.cluster import Cluster
from pellucid.blockwise.dask_executor import Watch
from pellucid.blockwise.serial import SerialExecutor
from pellucid.blockwise.worker import BlockWorker
from pellucid.data.intensity_range import IntensityRange
from pellucid.errors import InputError, RunError
from pellucid.methods import build, make_recipe
from pellucid.model import Model
from pellucid.runs.folder import Run
from pellucid.simulation.noise import simulate
from pellucid.simulation.phantom import tissue

BLOCKS = 4 * 3 * 4
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
    run.save_weights(recipe.weights, build(recipe).denoiser.state_dict(), 0)
    return run.folder


@pytest.fixture(scope="module")
def volume(tmp_path_factory):
    path = tmp_path_factory.mktemp("volume") / "in.zarr"
    pixels = simulate(tissue((4, 160, 200), seed=2), "film", seed=1)
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


def assert_one_at_a_time(notes):
    for block, entries in hands(notes).items():
        for (_, _, end), (_, begin, _) in pairwise(entries):
            assert end is None or end <= begin, f"block {block} was in two hands: {entries}"


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


def test_workers_of_which_one_is_killed_go_on_with_the_job_of_one_process(
    run, volume, expected, tmp_path, workers_that
):
    notes = workers_that(partial(once, die))
    with stopped_after(3):
        denoise(run, volume, tmp_path / "out.zarr")
    assert equal(denoise(run, volume, tmp_path / "out.zarr", "local:2"), expected)
    found = hands(notes)
    assert len(found) == BLOCKS - 3
    assert len(pids(notes)) >= 2  # three, if the new one comes in time
    assert [end is None for _, _, end in found["0.5"]] == [True, False]
    assert_one_at_a_time(notes)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["done", "journal", "out.zarr"]


@pytest.mark.slow
def test_a_block_that_kills_all_its_workers_fails_alone(run, volume, expected, tmp_path, workers_that):
    workers_that(die)
    with pytest.raises(RunError, match=r"1 blocks failed \(block 5 of image 0: its workers died again and again"):
        denoise(run, volume, tmp_path / "out.zarr", "local:2")
    assert equal(denoise(run, volume, tmp_path / "out.zarr"), expected)  # a single process takes up what is left


@pytest.mark.slow
@pytest.mark.parametrize("deed", [freeze, sleep])
def test_a_worker_that_hangs_is_replaced(run, volume, expected, tmp_path, workers_that, monkeypatch, capsys, deed):
    monkeypatch.setattr(dask_executor, "LONGEST", 5.0)
    monkeypatch.setattr(dask_executor, "SLOWER", 1.0)
    notes = workers_that(partial(once, deed))
    assert equal(denoise(run, volume, tmp_path / "out.zarr", "local:2"), expected)
    assert_one_at_a_time(notes)
    assert "started anew" in capsys.readouterr().err


def listening():
    """The ports of this process and of its children on which something listens: all on the loopback."""
    processes = [psutil.Process(), *psutil.Process().children(recursive=True)]
    sockets = [socket for process in processes for socket in process.net_connections()]
    heard = [found.laddr for found in sockets if found.status == psutil.CONN_LISTEN]
    assert {address.ip for address in heard} <= {"127.0.0.1"}
    return {address.port for address in heard}


def stranger():
    """A certificate as good as that of a job, but of another; it trusts any."""
    context = security.temporary_security().get_connection_args("client")["ssl_context"]
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
    with cluster._quiet(), cluster._local(0) as (_, security):
        (port,) = listening() - before  # nor is there an HTTP server
        insider = security.get_connection_args("client")["ssl_context"]
        assert is_answered(port, insider)
        assert not any(is_answered(port, context) for context in (nobody(), stranger(), None))


@pytest.mark.slow
def test_workers_on_this_machine_can_be_used_by_no_other_user(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = listening()
    with cluster._quiet(), cluster._local(1) as (_, security):
        ports = listening() - before
        assert len(ports) == 3  # scheduler, worker, and who watches over it
        (folder,) = tmp_path.glob("pellucid-*")
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        insider = security.get_connection_args("client")["ssl_context"]
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
def test_an_input_that_vanishes_ends_the_job(run, volume, tmp_path, workers_that):
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

    def start(what):
        if over.is_set():  # the test has failed before its accident has happened
            return
        command, log = [sys.executable, "-m", "dask", *kinds[what]], subprocess.DEVNULL
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
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
    assert_one_at_a_time(notes)
    assert hands(notes)["0.5"][0][2] is not None  # the others have waited until it was done, and did it again
    assert set(hands(notes)) == {f"0.{number}" for number in range(BLOCKS)}


@pytest.mark.slow
def test_a_scheduler_that_does_not_come_back(run, volume, expected, tmp_path, workers_that, scheduler, monkeypatch):
    monkeypatch.setattr(cluster, "PATIENCE", 2.0)
    notes = workers_that(nothing)
    scheduler.start("scheduler")
    scheduler.start("worker")
    accident = when(lambda: ended(notes, 6), lambda: scheduler.kill("scheduler"))
    with pytest.raises(RunError, match="the scheduler has not come back; start one, and the same command goes on"):
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
    assert opened.digest == model.spec.digest


def test_a_model_of_a_run_opens_elsewhere_with_its_range(run):
    model = Model.load(run, device="cpu").with_intensity_range(10, 99)
    opened = pickle.loads(pickle.dumps(model.opener()))()
    assert opened.digest == model.spec.digest
    assert (opened.intensity_range.low, opened.intensity_range.high) == (10, 99)


def test_a_model_of_one_estimate_opens_elsewhere_as_such(run):
    model = Model.load(run, device="cpu").only("F")
    opened = pickle.loads(pickle.dumps(model.opener()))()
    assert opened.digest == model.spec.digest
    assert tuple(opened.denoiser.estimate_names) == ("F",)


def test_who_hangs_is_judged_by_what_others_take():
    watch = Watch()
    tasks = {"one": ["a", "b"], "other": ["c"], "idle": []}
    assert watch.hung(tasks, 0.0) == []
    assert watch.hung(tasks, 1e6) == []  # nothing is done yet: who knows how long it takes
    watch.slowest = 1.0
    assert watch.hung(tasks, 1e6) == ["one", "other"]
    assert watch.hung({**tasks, "one": ["b", "d"]}, 1e6) == ["other"]  # a has come from one
    assert watch.hung({**tasks, "one": ["b", "d", "e"]}, 1e6 + 299) == ["other"]
    assert watch.hung({**tasks, "one": ["b", "d", "e"]}, 1e6 + 301) == ["one", "other"]
    watch.slowest = 60.0
    assert watch.hung({"one": ["b", "d", "e"]}, 1e6 + 1199) == []
    assert watch.hung({"one": ["b", "d", "e"]}, 1e6 + 1201) == ["one"]


def test_the_same_pixels_as_array_or_file_at_any_memory_alone_or_on_a_cluster(run, tmp_path):
    """Exact statistics, with a canvas, a blank plane, and chunks that are missing."""
    padding = np.zeros((3, 96, 136), bool)
    padding[0, :, :50], padding[1], padding[2, 64:, 64:128] = True, True, True
    pixels = np.where(padding, np.uint8(0), simulate(tissue((3, 96, 136), seed=3), "film", seed=2).clip(1))
    store = zarr.create_array(tmp_path / "in.zarr", shape=pixels.shape, chunks=(1, 64, 64), dtype=pixels.dtype)
    store[:] = pixels  # chunks that hold the fill value alone are not written
    array = Model.load(run, device="cpu").denoise(pixels)
    results = {"plane": np.stack([Model.load(run, device="cpu").denoise(plane) for plane in pixels])}
    for name, memory, where in (("tiles", 30_000, None), ("whole", 1 << 30, None), ("cluster", MEMORY, "local:2")):
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
