"""Addresses beside the pages: tiles of images, files that are dropped onto a page, and pages in the folders shown."""

from __future__ import annotations

import base64
import hashlib
import html
import math
import os
import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from pellucid.app.tiles import Place, Window, tile
from pellucid.app.workplace import Workplace
from pellucid.errors import InputError, PellucidError
from pellucid.files import writing
from pellucid.io.registry import format_of, readable
from pellucid.report.page import TEMPLATES

UPLOADS = "uploads"
LONGEST = 200
"""Bytes of the name of an upload; of longer ones the end is kept."""
#: A page from a file may show its own pictures, and run the script that our pages have; it reaches nothing beyond.
SANDBOX = (
    "sandbox allow-scripts; default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
    "script-src 'sha256-{script}'; connect-src 'none'; form-action 'none'; base-uri 'none'; frame-ancestors 'self'"
)
_LEADS_ON = re.compile(r"http-equiv\s*=\s*[\"']?\s*refresh", re.IGNORECASE)
_UNWANTED = re.compile(r"[\x00-\x1f\x7f-\x9f/\\:*?\"<>|\[\]\u2028-\u202e\u2066-\u2069]")
"""What names of uploads do not keep: control characters, separators, and what means more to a system than itself."""


def routes(workplace: Workplace) -> Sequence[Route]:
    """All routes that are no page."""

    async def show_tile(request: Request) -> Response:
        query = request.query_params
        try:
            place = Place(*(int(request.path_params[name]) for name in ("power", "row", "column")))
            window = Window(_finite(query["black"]), _finite(query["white"]))
            specs, plane = [query["image"], *query.getlist("minus")][:2], int(query.get("plane", "0"))
        except (KeyError, ValueError):
            return PlainTextResponse("a tile needs its place, image, black and white", 400)
        except PellucidError as problem:
            return PlainTextResponse(str(problem), 404)
        try:
            made = await workplace.read(tile, workplace.images, specs, plane, place, window)
        except PellucidError as problem:
            return PlainTextResponse(str(problem), 404)
        return Response(made, media_type="image/png", headers={"cache-control": "private, max-age=3600"})

    async def take_file(request: Request) -> Response:
        try:
            path = await _receive(workplace, request)
        except PellucidError as problem:
            return JSONResponse({"problem": str(problem)}, 400)
        return JSONResponse({"path": str(path)})

    async def show_page(request: Request) -> Response:
        try:
            text = await workplace.read(_html, workplace, request.query_params.get("path", ""))
        except PellucidError as problem:
            return PlainTextResponse(str(problem), 404)
        return HTMLResponse(text, headers={"content-security-policy": sandbox(), "cache-control": "no-store"})

    async def show_picture(request: Request) -> Response:
        try:
            content = await workplace.read(_png, workplace, request.query_params.get("path", ""))
        except PellucidError as problem:
            return PlainTextResponse(str(problem), 404)
        return Response(content, media_type="image/png", headers={"cache-control": "no-store"})

    return [
        Route("/tile/{power}/{row}/{column}.png", show_tile),
        Route("/upload", take_file, methods=["POST"]),
        Route("/page", show_page),
        Route("/picture", show_picture),
    ]


@cache
def sandbox() -> str:
    """The policy of pages from files."""
    script = "\n" + (TEMPLATES / "page.js").read_text(encoding="utf-8").removesuffix("\n")  # as it stands in the page
    return SANDBOX.format(script=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode())


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not finite")
    return value


def _html(workplace: Workplace, path: str) -> str:
    file = workplace.roots.path(path)
    if file.suffix.lower() != ".html" or not file.is_file():
        raise InputError(f"{file}: is no page; give an .html file that pellucid trust or pellucid demo wrote")
    text = file.read_text(encoding="utf-8", errors="replace")
    if _LEADS_ON.search(html.unescape(text)):
        raise InputError(f"{file}: leads to another page, which none of Pellucid's does; it is not shown")
    return text


def _png(workplace: Workplace, path: str) -> bytes:
    file = workplace.roots.path(path)
    if file.suffix.lower() != ".png" or not file.is_file():
        raise InputError(f"{file}: is no picture; give a .png file")
    return file.read_bytes()


async def _receive(workplace: Workplace, request: Request) -> Path:
    """Write what the browser sends to a new file; nothing is left of what breaks off."""
    name = _safe_name(request.query_params.get("name", ""))
    if not name or format_of(Path(name)) is None:
        raise InputError(f"{name or 'the file'}: not an image format that Pellucid reads; it reads {readable()}")
    folder = workplace.folder / UPLOADS
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f".{uuid4().hex}"
    try:
        with writing(partial), partial.open("wb") as opened:
            async for part in request.stream():
                opened.write(part)
        if partial.stat().st_size == 0:
            raise InputError(f"{name}: is empty; choose another file")
        target = _free(folder / name)
        os.link(partial, target)  # fails if another upload has taken the name meanwhile; nothing is overwritten
    except HTTPException as error:  # the guard lets no more through
        raise InputError(f"{name}: {error.detail}") from error
    except ClientDisconnect as error:
        raise InputError(f"{name}: broke off; drop it again") from error
    except FileExistsError as error:
        raise InputError(f"{name}: was sent twice at once; drop it again") from error
    finally:
        partial.unlink(missing_ok=True)
    return target


def _safe_name(name: str) -> str:
    """A name with the letters of any language that leads nowhere; empty if nothing is left of it."""
    safe = _UNWANTED.sub("_", unicodedata.normalize("NFC", Path(name).name))
    return safe.encode()[-LONGEST:].decode(errors="ignore").strip(" .")


def _free(path: Path) -> Path:
    """The path, or with a number after its name if it is taken."""
    ending = "".join(path.suffixes[-2:]) if format_of(Path("x" + "".join(path.suffixes[-2:]))) else path.suffix
    stem, number, free = path.name[: len(path.name) - len(ending)], 1, path
    while os.path.lexists(free):
        number += 1
        free = path.with_name(f"{stem}-{number}{ending}")
    return free
