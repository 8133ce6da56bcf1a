"""Small files, written so that they are there whole or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from pellucid.errors import InputError, RunError


def refuse_existing(path: str | os.PathLike[str], overwrite: bool) -> Path:
    """The path, once it is known that a file may be written there.

    Raises:
        InputError: the file exists and `overwrite` is not set, it is a folder, or its folder does not exist.
    """
    target = Path(path)
    if target.is_dir():
        raise InputError(f"{target}: is a folder; give the name of a file")
    if target.exists() and not overwrite:
        raise InputError(f"{target}: exists already; choose another name or allow overwriting")
    if not target.parent.is_dir():
        raise InputError(f"{target}: there is no folder {target.parent}; make it first")
    return target


def write_whole(path: str | os.PathLike[str], content: bytes, overwrite: bool = False) -> None:
    """Write `content` under a temporary name beside `path`, then rename it.

    Raises:
        InputError: the file exists and `overwrite` is not set, or its folder is missing or may not be written to.
        RunError: the disk is full, or writing failed otherwise.
    """
    target = refuse_existing(path, overwrite)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}.part")
    try:
        temporary.write_bytes(content)
        temporary.replace(target)
    except PermissionError as error:
        raise InputError(f"{target}: no permission to write in {target.parent}") from error
    except OSError as error:
        raise RunError(f"{target}: could not be written ({error.strerror}); nothing was left behind") from error
    finally:
        temporary.unlink(missing_ok=True)
