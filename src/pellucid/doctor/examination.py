"""All that is found, as lines for people and as plain values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pellucid.doctor import machine, software
from pellucid.doctor.self_check import Check, run_checks
from pellucid.version import __version__


@dataclass(frozen=True)
class Examination:
    """What was found.

    Attributes:
        system: operating system, Python, processor.
        versions: of the key libraries.
        kernels: state of the C kernels, in words.
        accelerators: GPUs by name of the device.
        room: free memory and disk, in bytes.
        variables: environment variables that matter and are set.
        formats: what can be read and written.
        missing: extras that are not complete.
        checks: what was computed and compared.
    """

    system: dict[str, Any]
    versions: dict[str, str | None]
    kernels: str
    accelerators: dict[str, str]
    room: dict[str, int]
    variables: dict[str, str]
    formats: Sequence[software.FormatHere]
    missing: Sequence[software.MissingExtra]
    checks: Sequence[Check]

    @property
    def healthy(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    def values(self) -> dict[str, Any]:
        """Everything as plain values, for JSON."""
        return {
            "pellucid": __version__,
            "healthy": self.healthy,
            **{name: value for name, value in vars(self).items() if name not in ("formats", "missing", "checks")},
            "formats": [each._asdict() for each in self.formats],
            "missing_extras": [each._asdict() for each in self.missing],
            "checks": [each._asdict() for each in self.checks],
        }

    def rows(self) -> Iterator[tuple[str, str]]:
        """Everything as rows of a table: what, and how it is."""
        yield "Pellucid", __version__
        yield from ((name, str(value)) for name, value in self.system.items())
        yield from ((name, value or "not installed") for name, value in self.versions.items())
        yield "kernels", self.kernels
        yield from self.accelerators.items() or [("GPU", "none")]
        yield from ((name.replace("_", " "), f"{value / (1 << 30):.1f} GiB") for name, value in self.room.items())
        yield from self.variables.items()
        yield "reads", ", ".join(each.name for each in self.formats if each.reads)
        yield "writes", ", ".join(each.name for each in self.formats if each.writes)
        yield from ((f"without {each.name}", f"{', '.join(each.missing)}: {each.install}") for each in self.missing)

    def lines(self) -> Iterator[str]:
        """A line for each check."""
        for check in self.checks:
            yield f"{'ok' if check.passed else 'WRONG'}: {check.name}, {check.detail}, {check.seconds:.1f} s"


def examine() -> Examination:
    """Look at everything, and compute for some seconds."""
    accelerators = machine.accelerators()
    return Examination(
        machine.system(),
        software.versions(),
        machine.kernel_state(),
        accelerators,
        machine.room(),
        machine.variables(),
        software.formats(),
        software.missing_extras(),
        run_checks(list(accelerators)),
    )
