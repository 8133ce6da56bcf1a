"""The process beside a task: it runs the task's command, passes signals on, and notes how the command ended.

python -m pellucid.app.task_process FOLDER DESCRIPTOR

It has a session of its own, so that it and the command outlive the app. DESCRIPTOR is that of the task's lock, which
both hold until they end: whoever finds the lock free knows that nothing of the task is running any more.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from pellucid.app.task import Task
from pellucid.files import write_json
from pellucid.report.progress_file import VARIABLE


def main(folder: Path, descriptor: int) -> None:
    """Run the command of a task, and write its exit status."""
    task = Task(folder)
    asked: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def pass_on(number: int, _: object) -> None:
        asked.append(number)
        if process is not None:
            process.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    write_json(task.process_file, {"pid": os.getpid()})
    process = subprocess.Popen(
        [sys.executable, "-m", "pellucid", *task.spec.arguments],
        stdin=subprocess.DEVNULL,
        pass_fds=(descriptor,),
        env={**os.environ, VARIABLE: str(task.progress_file)},
    )
    for early in asked:  # what came before there was anyone to pass it on to
        process.send_signal(early)
    status = process.wait()
    write_json(task.outcome_file, {"status": status, "ended": time.time()})


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
