"""A pool of processes, one for each run at work, and the rows that they write."""

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

from pellucid.benchmark.resources import Resources
from pellucid.benchmark.results import Result, ResultsFile
from pellucid.benchmark.run_spec import LOG, PROGRESS, RESULT, SPEC, TRAINING, RunSpec
from pellucid.benchmark.worker import STOPPED, failed
from pellucid.files import write_text, writing
from pellucid.report import terminal

GRACE = 30.0
"""Seconds that a process has to save its state after it is asked to stop."""

POLL = 0.1
SHOW_EVERY = 1.0


@dataclass
class Summary:
    """Counts of one call: runs done before and now, failed runs with their messages, runs that are left."""

    before: int = 0
    done: int = 0
    left: int = 0
    failed: dict[str, str] = field(default_factory=dict)


@dataclass
class _Process:
    spec: RunSpec
    folder: Path
    process: subprocess.Popen[bytes]
    slot: int
    asked: bool = False


class ProcessPool:
    """Does runs in as many processes at once as the resources allow."""

    def __init__(self, out: Path, resources: Resources, results: ResultsFile, summary: Summary) -> None:
        self.out, self.resources, self.results, self.summary = out, resources, results, summary
        self.end = None if resources.seconds is None else time.monotonic() + resources.seconds
        self.running: list[_Process] = []

    def work(self, waiting: Sequence[RunSpec], total: int) -> None:
        """Start processes, wait, and collect results, until all runs are done or the time limit is reached."""
        queue = list(waiting)
        if not queue:
            return
        shown = 0.0
        with terminal.progress_bar("runs", total, self.summary.before) as bar:
            while queue or self.running:
                while queue and len(self.running) < self.resources.processes and not self._late():
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
        """Ask all processes to save and end; kill those that do not. Return a line about each."""
        for process in self.running:
            if not process.asked:
                process.asked = True
                process.process.send_signal(signal.SIGINT)
        deadline = time.monotonic() + GRACE
        lines = []
        for process in list(self.running):
            try:
                process.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                process.process.kill()
                process.process.wait()
            lines.append(self._collect(process))
        return lines

    def _late(self) -> bool:
        """Whether processes must save now: a tenth of the time limit, at most 20 s, before its end."""
        if self.end is None or self.resources.seconds is None:
            return False
        return time.monotonic() > self.end - min(20.0, 0.1 * self.resources.seconds)

    def _start(self, spec: RunSpec) -> None:
        folder = spec.folder(self.out)
        slot = min(set(range(self.resources.processes)) - {each.slot for each in self.running})
        if self.resources.gpus and spec.device == "auto":
            spec = spec.model_copy(update={"device": f"cuda:{slot % self.resources.gpus}"})
        _prepare(spec, folder)
        environment = {**os.environ, "OMP_NUM_THREADS": str(self.resources.threads)}
        command = [sys.executable, "-m", "pellucid.benchmark.worker", str(folder.absolute()), str(self.out.absolute())]
        with writing(folder), (folder / LOG).open("ab") as log:
            process = subprocess.Popen(
                command,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C reaches this process only, which then asks them to stop
            )
        self.running.append(_Process(spec, folder, process, slot))

    def _collect(self, ended: _Process) -> str:
        """Add the row that an ended process wrote, if any; return a line about it."""
        self.running.remove(ended)
        run, status = ended.spec.run, ended.process.returncode
        left = ended.folder / RESULT
        if left.exists():
            result = Result.model_validate_json(left.read_text(encoding="utf-8"))
        elif ended.asked or status == STOPPED:
            return f"{run}: stopped; the next call resumes it"
        else:
            how = f"killed by signal {-status}, out of memory?" if status < 0 else f"ended with status {status}"
            result = failed(ended.spec, f"its process {how} (see {ended.folder / LOG})")
        # results are shared: paths in them are relative to the benchmark's folder
        message = result.message.replace(f"{self.out.absolute()}/", "")
        self.results.add(result.model_copy(update={"message": message}))
        left.unlink(missing_ok=True)
        if result.status == "failed":
            self.summary.failed[str(run)] = result.message
            if status == 0:  # resumed, it would fail again at the same place
                shutil.rmtree(ended.folder / TRAINING, ignore_errors=True)
            return f"{run}: failed: {result.message}"
        self.summary.done += 1
        (ended.folder / TRAINING / "state.pt").unlink(missing_ok=True)  # large, and needed only to resume
        return f"{run}: {_score(result)}{result.steps} steps, {result.training_seconds:.0f} s"


def _prepare(spec: RunSpec, folder: Path) -> None:
    """Make the folder of a run; a training that was started with other settings is removed."""
    known = folder / SPEC
    if known.exists():
        try:
            same = spec.same_training(RunSpec.model_validate_json(known.read_text(encoding="utf-8")))
        except ValueError:
            same = False
        if not same:
            shutil.rmtree(folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULT).unlink(missing_ok=True)
    write_text(known, spec.model_dump_json(indent=1))


def _progress(process: _Process) -> tuple[float, str]:
    """The share of a run that is done, and a note on it."""
    line = _tail(process.folder / PROGRESS)
    name, recipe = process.spec.run.method, process.spec.recipe
    if not line:
        return 0.0, name
    last, minutes = json.loads(line), recipe["minutes"]
    done, total, unit = (last["seconds"], 60 * minutes, " s") if minutes else (last["step"], recipe["steps"], "")
    return 0.95 * min(done / total, 1), f"{name} {done:.0f}/{total:.0f}{unit}"


def _tail(path: Path) -> str:
    """The last complete line of a file."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 400))
        lines = file.read().decode("utf-8", "replace").splitlines(keepends=True)
    whole = [line for line in lines[1:] if line.endswith("\n")]
    return whole[-1] if whole else ""


def _score(result: Result) -> str:
    return f"{result.psnr:.2f} dB, {result.ssim:.4f}, " if result.psnr is not None else ""
