"""Tasks are real processes of the command line, which are stopped, killed, left alone and found again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest

from pellucid.app.task import State, Task, TaskSpec
from pellucid.app.task_folder import TaskFolder, can_resume, command_to_resume
from pellucid.blockwise.lock import locked
from pellucid.errors import InputError
from pellucid.runs.folder import Run
from pellucid.version import __version__

from .waiting import ended, until

QUICK = ("--version",)
"""A command that ends soon."""
WRONG = ("models", "--no-such-option")


def of(*arguments, result="run", kind="train"):
    return TaskSpec(kind, "a task", arguments, str(result), {})


def training(pictures, run, steps):
    settings = ("width=4", "batch=2", f"steps={steps}", "preview_every=100000", "save_every=100000")
    sources = ("--noisy", str(pictures / "noisy"), "--clean", str(pictures / "clean"))
    return of("train", "--recipe", "proposed", *sources, "--out", str(run), "--set", *settings, result=run)


@pytest.fixture
def tasks(tmp_path):
    """The tasks of a new work folder; whatever is still running in the end is killed."""
    folder = TaskFolder(tmp_path)
    yield folder
    for task in folder.running():
        task.kill()
        ended(task)


def steps_taken(task):
    metrics = Run(task.spec.result).metrics
    return len(metrics.read_text(encoding="utf-8").splitlines()) if metrics.exists() else 0


def test_a_command_ends_and_its_outcome_is_found_again(tasks, tmp_path):
    task = tasks.start(of(*QUICK))
    assert ended(task) == State.DONE
    assert task.error == ""
    assert task.log == [__version__]
    (again,) = TaskFolder(tmp_path).all()  # as after a restart of the app
    assert (again.state, again.spec, again.name) == (State.DONE, task.spec, task.name)
    assert again.ended is not None
    assert tasks.get(task.name).folder == task.folder


def test_why_a_command_failed_is_one_line(tasks):
    task = tasks.start(of(*WRONG))
    assert ended(task) == State.FAILED
    assert "no-such-option" in task.error
    assert not task.error.startswith("pellucid:")
    assert can_resume(task)


@pytest.mark.slow
def test_a_training_stops_with_its_state_saved_and_goes_on(tasks, pictures, tmp_path):
    run = tmp_path / "run"
    task = tasks.start(training(pictures, run, 100_000))
    until(lambda: steps_taken(task) > 1, "the second step")
    assert task.state == State.RUNNING
    assert task.progress.total == 100_000
    task.stop()
    assert ended(task) == State.STOPPED
    taken = steps_taken(task)
    assert Run(run).state.exists()
    assert task.error == ""
    assert command_to_resume(task.spec) == ("resume", str(run))

    tasks.resume(task, ("resume", str(run), "--set", f"steps={taken + 2}"))
    assert ended(task) == State.DONE, task.log
    assert steps_taken(task) == taken + 2
    assert task.progress.before == taken
    assert f"resumes after step {taken}" in "\n".join(task.log)


@pytest.mark.slow
def test_a_task_outlives_the_app_that_began_it(tasks, pictures, tmp_path):
    """The app is killed with all that is in its group, as by a terminal that is closed."""
    app = (
        "import json, sys, time\nfrom pathlib import Path\nfrom pellucid.app.task import TaskSpec\n"
        "from pellucid.app.task_folder import TaskFolder\n"
        "task = TaskFolder(Path(sys.argv[1])).start(TaskSpec(**json.loads(sys.argv[2])))\n"
        "print(task.name, flush=True)\ntime.sleep(600)"
    )
    spec = training(pictures, tmp_path / "run", 100_000)
    values = json.dumps({**spec.__dict__, "arguments": list(spec.arguments)})
    command = [sys.executable, "-c", app, str(tmp_path), values]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        name = process.stdout.readline().strip()
        os.killpg(process.pid, signal.SIGKILL)
    task = tasks.get(name)
    assert task.state == State.RUNNING
    until(lambda: steps_taken(task) > 1, "the second step")
    tasks.get(name).stop()
    assert ended(task) == State.STOPPED


@pytest.mark.slow
def test_a_task_that_was_killed_is_lost_and_says_so(tasks, pictures, tmp_path):
    task = tasks.start(training(pictures, tmp_path / "run", 100_000))
    until(lambda: steps_taken(task), "the first step")
    os.killpg(task._process(), signal.SIGKILL)
    assert ended(task) == State.LOST
    assert "killed" in task.error
    assert can_resume(task)


@pytest.mark.slow
def test_a_command_goes_on_running_without_the_process_beside_it(tasks, pictures, tmp_path):
    """It still counts as running, and can still be stopped."""
    task = tasks.start(training(pictures, tmp_path / "run", 100_000))
    until(lambda: steps_taken(task), "the first step")
    os.kill(task._process(), signal.SIGKILL)
    until(lambda: not _alive(task._process()), "the end of the process beside it")
    assert task.state == State.RUNNING
    with pytest.raises(InputError, match="running"):
        tasks.forget(task)
    task.stop()
    assert ended(task) == State.STOPPED
    assert Run(task.spec.result).state.exists()


@pytest.mark.slow
def test_a_task_that_is_stopped_before_its_first_step_stops(tasks, pictures, tmp_path):
    task = tasks.start(training(pictures, tmp_path / "run", 100_000))
    task.stop()
    assert ended(task) == State.STOPPED


@pytest.mark.slow
def test_a_task_that_is_killed_on_request_counts_as_stopped(tasks, pictures, tmp_path):
    task = tasks.start(training(pictures, tmp_path / "run", 100_000))
    until(lambda: steps_taken(task), "the first step")
    task.kill()
    assert ended(task) == State.STOPPED
    assert command_to_resume(task.spec)[0] == "resume"


def test_a_process_number_that_belongs_to_another_program_is_never_signalled(tasks):
    task = tasks.start(of(*QUICK))
    ended(task)
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        task.process_file.write_text(json.dumps({"pid": stranger.pid}), encoding="utf-8")
        task.outcome_file.unlink()
        assert task.state == State.LOST
        task.stop()
        task.kill()
        assert stranger.poll() is None
        stranger.communicate(b"\n")
    assert stranger.returncode == 0


def test_what_is_running_is_neither_begun_again_nor_forgotten(tasks):
    task = tasks.start(of(*QUICK))
    ended(task)
    with locked(task.lock, "busy"):
        assert [each.name for each in tasks.running()] == [task.name]
        for refused in (tasks.resume, tasks.forget, tasks.delete):
            with pytest.raises(InputError, match="running"):
                refused(task)
    tasks.forget(task)
    assert tasks.all() == []
    assert tasks.get(task.name) is None


def test_deleting_takes_the_run_that_was_trained_and_nothing_else(tasks, trained, tmp_path):
    import shutil

    run, other = tmp_path / "run", tmp_path / "pictures"
    shutil.copytree(trained, run)
    other.mkdir()
    (other / "precious.txt").write_text("kept", encoding="utf-8")
    for result in (run, other):
        task = tasks.start(of(*QUICK, result=result))
        ended(task)
        tasks.delete(task)
    assert not run.exists()
    assert (other / "precious.txt").exists()


def test_deleting_a_denoising_takes_what_is_unfinished_and_leaves_the_output(tasks, tmp_path):
    output = tmp_path / "out.tif"
    output.write_bytes(b"finished")
    (tmp_path / "out.tif.unfinished").mkdir()
    task = tasks.start(of(*QUICK, result=output, kind="denoise"))
    ended(task)
    tasks.delete(task)
    assert output.exists()
    assert not (tmp_path / "out.tif.unfinished").exists()


def test_tasks_that_begin_in_one_second_do_not_meet(tasks):
    begun = [tasks.start(of(*QUICK)) for _ in range(3)]
    assert len({task.name for task in begun}) == 3
    assert [task.name for task in tasks.all()] == sorted((task.name for task in begun), reverse=True)
    assert [ended(task) for task in begun] == [State.DONE] * 3


@pytest.mark.parametrize("name", ["", "..", ".", "../run", "a/b", "missing"])
def test_no_other_folder_passes_for_a_task(tasks, tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "task.json").write_text("{}", encoding="utf-8")
    (tmp_path / "task.json").write_text("{}", encoding="utf-8")
    assert tasks.get(name) is None


def test_a_damaged_task_does_not_hide_the_others(tasks):
    task = tasks.start(of(*QUICK))
    ended(task)
    damaged = task.folder.with_name("00000000-damaged")
    damaged.mkdir()
    (damaged / "task.json").write_text("{", encoding="utf-8")
    assert [each.name for each in tasks.all("train")] == [task.name]
    with pytest.raises(InputError, match="is no task"):
        _ = Task(damaged).spec


def test_a_training_that_never_began_goes_on_with_its_first_command(tmp_path):
    spec = of("train", "--out", "run", result=tmp_path / "run")
    assert command_to_resume(spec) == spec.arguments
    assert command_to_resume(replace(spec, kind="denoise")) == spec.arguments


def _alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
