"""Tiles, uploads and pages: asked for as a browser does, and as someone would who wants more than is shown."""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import quote

import imagecodecs
import numpy as np
import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from pellucid.app import guard as guard_module
from pellucid.app.guard import Guard
from pellucid.app.routes import routes, sandbox
from pellucid.io.writing import write_array
from pellucid.report.page import Page, write_page

PORT = 8473
HOME = f"http://127.0.0.1:{PORT}"
ORIGIN = {"origin": HOME}


@pytest.fixture
def browser(workplace):
    guard = Guard(Starlette(routes=list(routes(workplace))), PORT)
    with TestClient(guard, base_url=HOME) as client:
        client.get("/", params={"token": guard.token})
        yield client


@pytest.fixture
def file(tmp_path, image):
    path = tmp_path / "images" / "a.tif"
    write_array(path, image)
    return path


@pytest.fixture
def secret(tmp_path, image):
    (tmp_path / "elsewhere").mkdir()
    path = tmp_path / "elsewhere" / "secret.tif"
    write_array(path, image)
    (tmp_path / "images" / "link.tif").symlink_to(path)
    (tmp_path / "elsewhere" / "secret.html").write_text("secret")
    return path


def ask(browser, image, **query):
    return browser.get("/tile/0/0/0.png", params={"image": image, "black": 0, "white": 65535, **query})


def test_a_tile_has_the_pixels_of_the_image_between_black_and_white(browser, file, image):
    answer = ask(browser, str(file), black=1000, white=40000)
    assert answer.headers["content-type"] == "image/png"
    expected = np.clip(np.rint((image.astype(float) - 1000) * 255 / 39000), 0, 255)
    assert np.array_equal(imagecodecs.png_decode(answer.content), expected)


def test_a_difference_is_grey_where_nothing_differs(browser, file):
    answer = ask(browser, str(file), minus=str(file), black=-1, white=1)
    assert set(np.unique(imagecodecs.png_decode(answer.content))) == {128}


@pytest.mark.parametrize("way", ["absolute", "dots", "link", "encoded", "inner"])
def test_no_tile_comes_from_elsewhere(browser, file, secret, tmp_path, way):
    ways = {
        "absolute": str(secret),
        "dots": f"{file.parent}/../elsewhere/secret.tif",
        "link": str(file.parent / "link.tif"),
        "encoded": quote(f"{file.parent}/../elsewhere/secret.tif", safe=""),
        "inner": f"{secret}:0",
    }
    answer = ask(browser, ways[way])
    assert answer.status_code == 404
    assert answer.headers["content-type"].startswith("text/plain")
    assert ask(browser, str(file), minus=ways[way]).status_code == 404
    raw = browser.get(f"/tile/0/0/0.png?black=0&white=1&image={quote(ways[way], safe='')}")
    assert raw.status_code == 404


@pytest.mark.parametrize("query", [{"black": "x"}, {"black": "-inf"}, {"white": "nan"}, {"plane": "x"}, {"black": ""}])
def test_a_tile_that_makes_no_sense_is_refused_in_one_line(browser, file, query):
    answer = ask(browser, str(file), **query)
    assert answer.status_code == 400
    assert len(answer.text.splitlines()) == 1


def test_a_place_beyond_all_images_is_refused_in_one_line(browser, file):
    far = browser.get(f"/tile/0/{'9' * 5000}/0.png", params={"image": str(file), "black": 0, "white": 1})
    assert (far.status_code, len(far.text.splitlines())) == (400, 1)


@pytest.mark.parametrize("path", ["/tile/0/9/0.png", "/tile/60/0/0.png"])
def test_there_are_no_tiles_beyond_the_image(browser, file, path):
    assert browser.get(path, params={"image": str(file), "black": 0, "white": 1}).status_code == 404


def test_there_is_no_plane_beyond_the_last(browser, file):
    assert "has 1 planes" in ask(browser, str(file), plane=1).text
    assert ask(browser, str(file), plane=-1).status_code == 404


def send(browser, name, content):
    return browser.post("/upload", params={"name": name}, content=content, headers=ORIGIN)


def test_a_file_that_is_sent_goes_to_the_uploads_and_replaces_nothing(browser, workplace, file):
    content = file.read_bytes()
    paths = [send(browser, "a.ome.tif", content).json()["path"] for _ in range(2)]
    names = sorted(path.name for path in (workplace.folder / "uploads").iterdir())
    assert len(set(paths)) == 2
    assert len(names) == 2
    assert all((workplace.folder / "uploads" / name).read_bytes() == content for name in names)
    assert ask(browser, paths[1]).status_code == 200


@pytest.mark.parametrize("name", ["../../evil.tif", "/etc/evil.tif", "..\\evil.tif", "<script>alert(1)<.tif", ".x.tif"])
def test_the_name_of_a_sent_file_leads_nowhere(browser, workplace, file, name):
    answer = send(browser, name, file.read_bytes())
    assert answer.status_code == 200, answer.text
    path = answer.json()["path"]
    uploads = workplace.folder / "uploads"
    assert path.startswith(str(uploads))
    assert not set("<>/\\").intersection(path[len(str(uploads)) + 1 :])
    assert [each.name for each in uploads.iterdir()] == [path[len(str(uploads)) + 1 :]]


@pytest.mark.parametrize("name", ["", "..", "run.sh", "page.html", "recipe.toml"])
def test_what_is_no_image_is_not_taken(browser, workplace, name):
    assert "not an image format" in send(browser, name, b"content").json()["problem"]
    assert not list((workplace.folder).glob("uploads/*"))


def test_a_file_that_is_too_large_leaves_nothing_behind(browser, workplace, monkeypatch):
    monkeypatch.setattr(guard_module, "LARGEST", 3 << 20)
    answer = send(browser, "a.tif", (b"x" * (1 << 20) for _ in range(4)))  # in chunks: its length is not known before
    assert answer.status_code == 400
    assert answer.json()["problem"].startswith("a.tif: more than 3 MB: start the server")
    assert list((workplace.folder / "uploads").iterdir()) == []


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("café, 3 µm (α).tif", "café, 3 µm (α).tif"),
        ("cafe\u0301.tif", "café.tif"),  # as macOS writes it
        ("海馬 ニューロン.tif", "海馬 ニューロン.tif"),
        ("..hidden.tif", "hidden.tif"),
        ("a\x00b\nc\x7f\u202egnp.tif", "a_b_c__gnp.tif"),
        ("a:1*?[x].tif", "a_1___x_.tif"),
    ],
)
def test_letters_of_any_language_stay_in_the_name_of_a_sent_file(browser, file, sent, kept):
    assert send(browser, sent, file.read_bytes()).json()["path"].endswith(f"/uploads/{kept}")


def test_the_end_of_a_long_name_is_kept(browser, workplace, file):
    for _ in range(2):
        answer = send(browser, "海" * 500 + ".tif", file.read_bytes())
        assert answer.status_code == 200, answer.text
    assert sorted(path.name[-6:] for path in (workplace.folder / "uploads").iterdir()) == ["-2.tif", "海海.tif"]


def test_an_upload_from_another_site_is_refused(browser, workplace):
    answer = browser.post("/upload", params={"name": "a.tif"}, content=b"x", headers={"origin": "http://evil.example"})
    assert answer.status_code == 403
    assert not (workplace.folder / "uploads").exists()


def test_a_page_is_served_without_access_to_anything(browser, file):
    page = file.with_name("trust.html")
    page.write_text("<h1>How far</h1>")
    answer = browser.get("/page", params={"path": str(page)})
    assert answer.text == "<h1>How far</h1>"
    assert answer.headers["content-security-policy"] == sandbox()
    assert "allow-same-origin" not in sandbox()


def test_the_only_script_that_a_page_may_run_is_that_of_our_pages(tmp_path):
    write_page(Page("title", "summary"), tmp_path / "page.html")
    script = re.search(r"<script>(.*)</script>", (tmp_path / "page.html").read_text(encoding="utf-8"), re.DOTALL)[1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}';" in sandbox()


def test_a_page_that_leads_to_another_is_not_served(browser, file):
    page = file.with_name("trust.html")
    page.write_text('<META http-equiv = "&#82;efresh" content="0; url=http://evil.example">')
    answer = browser.get("/page", params={"path": str(page)})
    assert answer.status_code == 404
    assert "evil" not in answer.text


def test_only_pages_and_pictures_in_the_folders_are_served(browser, file, secret):
    for route in ("/page", "/picture"):
        for path in (str(secret.with_name("secret.html")), str(file), "", f"{file.parent}/../elsewhere/secret.html"):
            answer = browser.get(route, params={"path": path})
            assert answer.status_code == 404
            assert "secret" not in answer.text.replace(path, "")
