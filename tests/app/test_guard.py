"""Only a browser that was given the token gets an answer, and only for pages of this server."""

from __future__ import annotations

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from pellucid.app import guard as guard_module
from pellucid.app.guard import POLICY, Guard

PORT = 8473
HOME = f"http://127.0.0.1:{PORT}"
SOCKET = f"ws://127.0.0.1:{PORT}"


async def home(request: Request) -> PlainTextResponse:
    return PlainTextResponse("inside " + request.url.query)


async def take(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(len(await request.body())))


async def own_policy(request: Request) -> PlainTextResponse:
    return PlainTextResponse("page", headers={"content-security-policy": "sandbox"})


async def echo(socket):
    await socket.accept()
    await socket.send_text(await socket.receive_text())
    await socket.close()


@pytest.fixture
def guard():
    routes = [
        Route("/", home),
        Route("/take", take, methods=["POST"]),
        Route("/own", own_policy),
        WebSocketRoute("/ws", echo),
    ]
    return Guard(Starlette(routes=routes), PORT)


@pytest.fixture
def stranger(guard):
    return TestClient(guard, base_url=HOME, follow_redirects=False)


@pytest.fixture
def friend(guard):
    client = TestClient(guard, base_url=HOME)
    client.get("/", params={"token": guard.token})
    return client


def test_without_the_token_nothing_is_told(stranger):
    answer = stranger.get("/")
    assert answer.status_code == 403
    assert "inside" not in answer.text
    assert stranger.get("/", params={"token": "guessed"}).status_code == 403
    assert stranger.get("/", params={"token": ""}).status_code == 403


def test_the_token_gives_a_cookie_that_scripts_and_other_sites_cannot_use(guard, stranger):
    answer = stranger.get("/", params={"token": guard.token, "look": "a b"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/?look=a+b"
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    assert guard.token not in cookie


def test_with_the_cookie_pages_are_answered(friend):
    assert friend.get("/").text == "inside "


def test_a_cookie_of_another_server_is_worth_nothing(guard, stranger):
    name = f"pellucid-{PORT}"
    stranger.cookies.set(name, "made up", domain="127.0.0.1")
    assert stranger.get("/").status_code == 403
    assert stranger.get("/", headers={"cookie": f'{name}="broken; \x01'}).status_code == 403


def test_the_address_never_leads_to_another_site(guard, stranger):
    answer = stranger.get("//evil.example/", params={"token": guard.token})
    assert answer.headers["location"].startswith("/")
    assert not answer.headers["location"].startswith("//")


@pytest.mark.parametrize("host", ["evil.example", f"evil.example:{PORT}", "127.0.0.1", "127.0.0.1:1", ""])
def test_another_host_is_refused(friend, host):
    assert friend.get("/", headers={"host": host}).status_code == 421


def test_localhost_is_this_machine_too(guard):
    client = TestClient(guard, base_url=f"http://localhost:{PORT}")
    assert client.get("/", params={"token": guard.token}).status_code == 200


@pytest.mark.parametrize("origin", ["http://evil.example", "null", f"https://127.0.0.1:{PORT}", "http://127.0.0.1:1"])
def test_another_origin_is_refused(friend, origin):
    assert friend.get("/", headers={"origin": origin}).status_code == 403
    assert friend.post("/take", content=b"1", headers={"origin": origin}).status_code == 403


def test_what_changes_something_must_name_its_origin(friend):
    assert friend.post("/take", content=b"1").status_code == 403
    assert friend.post("/take", content=b"123", headers={"origin": HOME}).text == "3"


def test_a_websocket_needs_the_cookie_and_the_origin(friend, stranger):
    with friend.websocket_connect(f"{SOCKET}/ws", headers={"origin": HOME}) as socket:
        socket.send_text("hello")
        assert socket.receive_text() == "hello"
    for client, headers in [(stranger, {"origin": HOME}), (friend, {}), (friend, {"origin": "http://evil.example"})]:
        with pytest.raises(WebSocketDisconnect), client.websocket_connect(f"{SOCKET}/ws", headers=headers):
            pass


def test_a_websocket_does_not_take_the_token_in_place_of_the_cookie(guard, stranger):
    address = f"{SOCKET}/ws?token={guard.token}"
    with pytest.raises(WebSocketDisconnect), stranger.websocket_connect(address, headers={"origin": HOME}):
        pass


def test_more_than_may_be_sent_is_refused(friend, monkeypatch):
    monkeypatch.setattr(guard_module, "LARGEST", 10)
    assert friend.post("/take", content=b"x" * 11, headers={"origin": HOME}).status_code == 413
    assert friend.post("/take", content=b"x" * 10, headers={"origin": HOME}).status_code == 200
    answer = friend.post("/take", content=(b"x" * 4 for _ in range(3)), headers={"origin": HOME})  # without a length
    assert (answer.status_code, "more than" in answer.text) == (413, True)
    answer = friend.post("/take", content=b"x", headers={"origin": HOME, "content-length": "-1"})
    assert answer.status_code == 413


def test_every_answer_forbids_what_pages_do_not_need(friend):
    headers = friend.get("/").headers
    assert headers["content-security-policy"] == POLICY
    assert headers["x-content-type-options"] == "nosniff"
    assert friend.get("/own").headers["content-security-policy"] == "sandbox"
    assert "http" not in POLICY  # no other site


@pytest.mark.parametrize("other", ['foo={"a":"b"}', "a[b]=c", "sess=a b", 'theme="dark', "a", "=b"])
def test_cookies_of_other_servers_lock_nobody_out(guard, other):
    client = TestClient(guard, base_url=HOME, follow_redirects=False)
    own = client.get("/", params={"token": guard.token}).headers["set-cookie"].partition(";")[0]
    with TestClient(guard, base_url=HOME) as bare:
        assert bare.get("/", headers={"cookie": f"{other}; {own}"}).status_code == 200
        assert bare.get("/", headers={"cookie": other}).status_code == 403


@pytest.mark.parametrize("path", ["/%5cevil.com", "/%0d%0aX:%20y"])
def test_the_way_without_the_token_leads_nowhere_else(stranger, guard, path):
    place = stranger.get(path, params={"token": guard.token}).headers["location"]
    assert place.lower().startswith(path[:4].lower())
