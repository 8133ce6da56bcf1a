"""The version of Pellucid, which results and runs are marked with."""

__version__ = "0.1.0"
