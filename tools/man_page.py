"""A manual page of the command line, made of its help.

python tools/man_page.py ~/.local/share/man/man1/pellucid.1
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from docutils.core import publish_string

from pellucid.cli import root
from pellucid.version import __version__

_CONTENTS = re.compile(r"^\.\. contents::.*\n(?:   .*\n)*", re.MULTILINE)


def manual() -> str:
    """The page in the language of man, with all commands and options."""
    text = _CONTENTS.sub("", root.generate_docs(output_format="rst", recursive=True))
    page = publish_string(text, writer="manpage", settings_overrides={"report_level": 3, "halt_level": 3})
    title = f'.TH pellucid 1 "" "Pellucid {__version__}" "User Commands"'
    name = f"pellucid \\- {root.help}"
    lines = page.decode().splitlines()
    better = {".TH": title, "pellucid \\-": name}
    return "\n".join(next((new for old, new in better.items() if line.startswith(old)), line) for line in lines) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(manual(), encoding="utf-8")
