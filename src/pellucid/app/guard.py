"""Who may ask: one browser on this machine that was given the address with its token."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, quote, urlencode

from starlette.exceptions import HTTPException

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LARGEST = 256 << 20
"""Bytes that a request may send: for larger files there is the folder browser."""
#: What a page of ours may load and do: its own files, styles and scripts written into it (Vue needs them), no others.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-src 'self'; object-src 'none'; "
    "base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # "no-referrer" would make the origin of our own requests "null"
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_SAFE = ("GET", "HEAD")
_UNANSWERED = "No response returned."
"""What the layers below say of a request whose browser has gone."""


class Guard:
    """An ASGI application around another that answers only those who know the token.

    The first request brings the token in its address and gets a cookie for it. Every request and every websocket must
    name this server as its host, which defeats DNS rebinding, and come from a page of this server.

    Args:
        app: what is guarded.
        port: of the server.
        token: that the address has; a random one by default.

    Attributes:
        token: of the address.
        app: what is guarded.
    """

    def __init__(self, app: ASGIApp, port: int, token: str | None = None) -> None:
        self.app = app
        self.token = token or secrets.token_urlsafe(24)
        self._key = secrets.token_urlsafe(24)
        self._cookie = f"pellucid-{port}"  # cookies do not tell ports apart
        self._hosts = {f"127.0.0.1:{port}", f"localhost:{port}"}
        self._origins = {f"http://{host}" for host in self._hosts}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or hand on what may pass."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        headers = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in scope["headers"]}
        refused = self._refused(scope, headers)
        if refused:
            await _refuse(scope, send, *refused)
        elif self._knows_key(headers):
            await self._pass_on(scope, receive, send)
        elif scope["type"] == "http" and self._knows_token(scope):
            await self._admit(scope, send)
        else:
            await _refuse(scope, send, 403, "open the address that pellucid app has printed: it holds the token")

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, _limited(receive), _with_headers(send))
        except RuntimeError as problem:  # a page that was left while it was loading: nobody waits for the answer
            if str(problem) != _UNANSWERED:
                raise

    def _refused(self, scope: Scope, headers: Mapping[str, str]) -> tuple[int, str] | None:
        if headers.get("host") not in self._hosts:
            return 421, "this server answers to 127.0.0.1 and localhost only"
        origin = headers.get("origin")
        needs_origin = scope["type"] == "websocket" or scope["method"] not in _SAFE
        if (origin is not None or needs_origin) and origin not in self._origins:
            return 403, "this comes from another site"
        if not headers.get("content-length", "0").isdigit() or int(headers.get("content-length", "0")) > LARGEST:
            return 413, _too_much()
        return None

    def _knows_key(self, headers: Mapping[str, str]) -> bool:
        # cut by hand: other servers on this machine may have set cookies that a strict parser gives up at
        cookies = dict(part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";"))
        return hmac.compare_digest(cookies.get(self._cookie, "").encode(), self._key.encode())

    def _knows_token(self, scope: Scope) -> bool:
        given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        return hmac.compare_digest(given.encode(), self.token.encode())

    async def _admit(self, scope: Scope, send: Send) -> None:
        """Give the cookie, and lead to the same address without the token, which stays out of the history then."""
        query = parse_qs(scope["query_string"].decode("latin-1"))
        query.pop("token")
        place = scope["path"] if not scope["path"].startswith("//") else "/"
        address = quote(place) + (f"?{urlencode(query, doseq=True)}" if query else "")
        cookie = f"{self._cookie}={self._key}; Path=/; HttpOnly; SameSite=Strict"
        headers = [(b"location", address.encode("latin-1", "ignore")), (b"set-cookie", cookie.encode())]
        await _answer(send, 303, headers, "")


async def _refuse(scope: Scope, send: Send, status: int, why: str) -> None:
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": 1008, "reason": why})
    else:
        await _answer(send, status, [], why)


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], text: str) -> None:
    plain = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]
    await send({"type": "http.response.start", "status": status, "headers": [*plain, *headers]})
    await send({"type": "http.response.body", "body": text.encode()})


def _limited(receive: Receive) -> Receive:
    """Receive no more than `LARGEST` bytes of a request that does not say its length.

    Raises:
        HTTPException: there are more.
    """
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        if message["type"] == "http.request":
            taken += len(message.get("body", b""))
            if taken > LARGEST:
                raise HTTPException(413, _too_much())
        return message

    return limited


def _with_headers(send: Send) -> Send:
    """Add the headers that every answer has, unless it has its own."""

    async def adding(message: Message) -> None:
        if message["type"] == "http.response.start":
            own: list[Any] = list(message.get("headers", []))
            names = {name.lower() for name, _ in own}
            own += [(name.encode(), text.encode()) for name, text in HEADERS.items() if name.encode() not in names]
            message = {**message, "headers": own}
        await send(message)

    return adding


def _too_much() -> str:
    return f"more than {LARGEST >> 20} MB: start the server with its folder and choose the file there"
