"""The training loop, weight averaging, and the state to resume from."""

from pellucid.errors import Interrupted
from pellucid.training.averaging import MovingAverage
from pellucid.training.execution import Execution
from pellucid.training.loop import Batches, Callback, Training, fit

__all__ = ["Batches", "Callback", "Execution", "Interrupted", "MovingAverage", "Training", "fit"]
