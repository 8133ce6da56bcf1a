"""Find words that the project no longer uses, and files that its pages name but nobody has.

python tools/words.py [FOLDER]

Prints file:line: what is wrong -> what to write instead. Exit status 1 if there is anything.
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path

INSTEAD: dict[str, str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

SEARCHED = ("src", "tests", "performance", "tools", "docs", "README.md", "CONTRIBUTING.md")
TEXT = {".py", ".c", ".md", ".css", ".js", ".j2"}

NAMED = re.compile(r"(?<![\w./*-])(?:[a-z_]\w*/)+[a-z_]\w*\.(?:py|c|md)\b|(?<=`)[a-z_]\w*\.(?:py|c)(?=`)")
"""A file that is named by the end of its path, as norms/moments.py, or `moments.py` between backquotes."""

LINK = re.compile(r"\]\((?!\w+:)([^)#\s]*)#?([^)\s]*)\)")
"""The target of a link in Markdown, and the heading."""


def main() -> int:
    """Check the checkout, or another folder that is laid out like it."""
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parents[1]
    wrong = 0
    files = list(_files(root))
    names = [path.relative_to(root).as_posix() for path in files]
    for path in files:
        text = path.read_text(encoding="utf-8")
        links = _broken_links(text, path) if path.suffix == ".md" else ()
        for place, message in sorted([*_gone(text), *_missing(text, names), *links]):
            line = text.count("\n", 0, place) + 1
            print(f"{path.relative_to(root)}:{line}: {message}")
            wrong += 1
    return min(wrong, 1)


def _files(root: Path) -> Iterator[Path]:
    for name in SEARCHED:
        found = sorted((root / name).rglob("*")) if (root / name).is_dir() else [root / name]
        yield from (path for path in found if path.suffix in TEXT and path.is_file())


def _gone(text: str) -> Iterator[tuple[int, str]]:
    """Places of words that are gone, and what to say."""
    for word, instead in INSTEAD.items():
        for match in _pattern(word).finditer(text):
            yield match.start(), f"{match.group()!r} -> {instead}"


def _pattern(word: str) -> re.Pattern[str]:
    """The word as such, in snake case and in camel case, over the end of a line too."""
    plain = r"[\s_]+".join(map(re.escape, word.split()))
    joined = re.escape("".join(part.capitalize() for part in re.split(r"[\s_]", word)))
    return re.compile(rf"(?<![A-Za-z-])(?:{plain}|{plain.capitalize()})s?(?![A-Za-z])|{joined}s?(?![a-z])")


def _missing(text: str, names: Sequence[str]) -> Iterator[tuple[int, str]]:
    """Places where a file is named that does not exist."""
    for match in NAMED.finditer(text):
        if not any(f"/{name}".endswith(f"/{match.group()}") for name in names):
            yield match.start(), f"{match.group()!r} does not exist"


def _broken_links(text: str, page: Path) -> Iterator[tuple[int, str]]:
    """Places of links to files or headings that do not exist."""
    for match in LINK.finditer(text):
        file = page.parent / match[1] if match[1] else page
        if not file.exists() or (match[2] and match[2] not in _headings(file)):
            yield match.start(), f"a link to {match.group()[2:-1]!r}, which does not exist"


def _headings(file: Path) -> set[str]:
    """The names that GitHub gives to the headings of a page."""
    titles = re.findall(r"^#+ +(.+?) *$", file.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}


if __name__ == "__main__":
    raise SystemExit(main())
