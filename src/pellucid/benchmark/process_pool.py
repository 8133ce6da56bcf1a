"""Processes at work on units, and the rows that they leave."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pellucid.benchmark.resources import Effort
from pellucid.benchmark.results import Result, Results
from pellucid.benchmark.task import LOG, PROGRESS, RESULT, TASK, TRAINING, Task
from pellucid.benchmark.worker import STOPPED, failed
from pellucid.files import writing
from pellucid.report import terminal
from pellucid.runs.files import write_text

GRACE = 30.0
"""Seconds that a process has to save its state when it is asked to stop."""

POLL = 0.1
SHOW_EVERY = 1.0


@dataclass
class Summary:
    """What came of a call: units done before and now, failed ones with their messages, units that are left."""

    before: int = 0
    done: int = 0
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class _Process:
    task: Task
    folder: Path
    process: subprocess.Popen[bytes]
    slot: int
    asked: bool = False


class Crew:
    """As many processes at once as the effort says."""

    def __init__(self, out: Path, effort: Effort, results: Results, summary: Summary) -> None:
        self.out, self.effort, self.results, self.summary = out, effort, results, summary
        self.end = None if effort.seconds is None else time.monotonic() + effort.seconds
        self.running: list[_Process] = []

    def work(self, waiting: Sequence[Task], total: int) -> None:
        """Start, wait, collect; ends in time."""
        queue = list(waiting)
        if not queue:
            return
        shown = 0.0
        with terminal.progress_bar("units", total, self.summary.before) as bar:
            while queue or self.running:
                while queue and len(self.running) < self.effort.jobs and not self._late():
                    self._start(queue.pop(0))
                for process in [each for each in self.running if each.process.poll() is not None]:
                    bar.say(self._collect(process))
                if self._late():
                    break
                if time.monotonic() - shown > SHOW_EVERY:
                    shown = time.monotonic()
                    finished = self.summary.before + self.summary.done + len(self.summary.failed)
                    shares, notes = zip(*map(_progress, self.running), strict=True) if self.running else ((), ())
                    bar.set(finished + sum(shares), "  ".join(notes))
                time.sleep(POLL)
            for line in self.stop():
                bar.say(line)
            bar.set(self.summary.before + self.summary.done + len(self.summary.failed))
        self.summary.left = total - self.summary.before - self.summary.done - len(self.summary.failed)

    def stop(self) -> list[str]:
        """Ask all processes to save and end; end those that do not."""
        for process in self.running:
            if not process.asked:
                process.asked = True
                process.process.send_signal(signal.SIGINT)
        patience = time.monotonic() + GRACE
        lines = []
        for process in list(self.running):
            try:
                process.process.wait(max(0.1, patience - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.process.kill()
                process.process.wait()
            lines.append(self._collect(process))
        return lines

    def _late(self) -> bool:
        """Whether it is time to have the processes save: a tenth of the time, at most 20 s, before its end."""
        if self.end is None or self.effort.seconds is None:
            return False
        return time.monotonic() > self.end - min(20.0, 0.1 * self.effort.seconds)

    def _start(self, task: Task) -> None:
        folder = task.folder(self.out)
        slot = min(set(range(self.effort.jobs)) - {each.slot for each in self.running})
        if self.effort.gpus and task.device == "auto":
            task = task.model_copy(update={"device": f"cuda:{slot % self.effort.gpus}"})
        _prepare(task, folder)
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.effort.threads)}
        command = [sys.executable, "-m", "pellucid.benchmark.worker", str(folder.absolute()), str(self.out.absolute())]
        with writing(folder), (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches this process alone, which then asks them
            )
        self.running.append(_Process(task, folder, process, slot))

    def _collect(self, ended: _Process) -> str:
        """Take in what an ended process left: a row, or nothing if it was asked to stop. What to say of it."""
        self.running.remove(ended)
        unit, status = ended.task.unit, ended.process.returncode
        left = ended.folder / RESULT
        if left.exists():
            result = Result.model_validate_json(left.read_text(encoding="utf-8"))
        elif ended.asked or status == STOPPED:
            return f"{unit}: stopped, goes on at the next call"
        else:
            how = f"killed by signal {-status}, out of memory?" if status < 0 else f"ended with status {status}"
            result = failed(ended.task, f"its process {how} (see {ended.folder / LOG})")
        # results are given away: files are named from the benchmark's folder on
        message = result.message.replace(f"{self.out.absolute()}/", "")
        self.results.add(result.model_copy(update={"message": message}))
        left.unlink(missing_ok=True)
        if result.status == "failed":
            self.summary.failed[str(unit)] = result.message
            if status == 0:  # it would fail again where it failed: the next try begins anew
                shutil.rmtree(ended.folder / TRAINING, ignore_errors=True)
            return f"{unit}: failed: {result.message}"
        self.summary.done += 1
        _clear(ended.folder)
        return f"{unit}: {_score(result)}{result.steps} steps, {result.training_seconds:.0f} s"


def _prepare(task: Task, folder: Path) -> None:
    """The folder of a unit; a training begun for other settings is removed."""
    known = folder / TASK
    if known.exists():
        try:
            same = task.same_work(Task.model_validate_json(known.read_text(encoding="utf-8")))
        except ValueError:
            same = False
        if not same:
            shutil.rmtree(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULT).unlink(missing_ok=True)
    write_text(known, task.model_dump_json(indent=1))


def _clear(folder: Path) -> None:
    """Remove what is large: the state to go on from. Recipe, weights, losses, previews stay."""
    (folder / TRAINING / "state.pt").unlink(missing_ok=True)


def _progress(process: _Process) -> tuple[float, str]:
    """Which share of a unit is done, and a note on it."""
    lines = _tail(process.folder / PROGRESS)
    recipe = process.folder / TRAINING / "recipe.toml"
    name = process.task.unit.method
    if not lines or not recipe.exists():
        return 0.0, name
    steps = next((int(line[8:]) for line in recipe.read_text().splitlines() if line.startswith("steps = ")), 0)
    step = json.loads(lines)["step"]
    return (0.95 * step / steps if steps else 0.0), f"{name} {step}/{steps}"


def _tail(path: Path) -> str:
    """The last whole line of a file."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 400))
        lines = file.read().decode("utf-8", "replace").splitlines(keepends=True)
    whole = [line for line in lines[1:] if line.endswith("\n")]
    return whole[-1] if whole else ""


def _score(result: Result) -> str:
    return f"{result.psnr:.2f} dB, {result.ssim:.4f}, " if result.psnr is not None else ""
