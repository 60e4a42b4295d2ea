"""examples/embed/web: the server as programs see it, and the page as people see it."""

from __future__ import annotations

import base64
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import picture_files as make
import pytest
from pet_model import pet_model, photo
from webdriver import Browser

import cnn

ROOT = Path(__file__).resolve().parents[2]
WEB = ROOT / "examples" / "embed" / "web"
LIMIT = 300_000

pytest.importorskip("PIL", reason="Pillow is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """Starts the server with a small limit, in an empty folder; its port."""
    folder = tmp_path_factory.mktemp("web")
    pet_model().save(folder / "pets.cnn")
    (folder / "empty").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-B", WEB / "server.py", "--port", "0", "--model", folder / "pets.cnn",
         "--limit", str(LIMIT / 1e6)], cwd=folder / "empty", text=True, stdout=subprocess.PIPE,
        stderr=open(folder / "log", "w"),
        env={**os.environ, "PYTHONPATH": str(Path(cnn.__file__).parents[1])})
    try:
        address = process.stdout.readline()
        yield int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)\n", address)[1])
        assert process.poll() is None, (folder / "log").read_text()
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=30)
        process.stdout.close()
    log = (folder / "log").read_text()
    assert process.returncode == 0 and "Traceback" not in log, log
    assert not list((folder / "empty").iterdir()), "the server writes no files"


def ask(port: int, method: str, path: str, body: bytes | None = None, **headers: str):
    """Sends a request; returns status, headers and body."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(method, path, body,
                           {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, response.headers, response.read()
    finally:
        connection.close()


def recognise(port: int, data: bytes, status: int = 200, **headers: str):
    """Sends a photo and returns the answer."""
    got, _, body = ask(port, "POST", "/recognise", data, **headers)
    assert got == status, body
    return json.loads(body)


def test_the_page(server):
    status, headers, body = ask(server, "GET", "/")
    text = body.decode()
    assert status == 200 and headers["Content-Type"] == "text/html; charset=utf-8"
    assert "300 kB" in text and "{{" not in text
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "*" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    assert not re.findall(r"(?:src|href)=\"(?!data:)[^\"]+\"|url\(|@import", text)
    status, headers, body = ask(server, "HEAD", "/")
    assert status == 200 and body == b"" and int(headers["Content-Length"]) > 1000


@pytest.mark.parametrize("pet", ["cat", "dog", "neither"])
def test_an_answer(server, pet):
    data = make.jpeg(photo(pet, 800, 600))
    result = recognise(server, data)
    assert result["answers"][0]["label"] == pet
    assert abs(sum(answer["probability"] for answer in result["answers"]) - 1) < 1e-5
    expected = pet_model().recognise(data)
    assert [np.float32(a["probability"]) for a in result["answers"]] == [
        np.float32(a.probability) for a in expected]
    heat_map = cnn.Image(base64.b64decode(result["heat_map"]))
    assert heat_map.shape == (480, 640, 3)


@pytest.mark.parametrize(("data", "status", "words"), [
    (b"", 400, ["empty"]),
    (b"Dear diary, " * 50, 415, ["text", "PNG and JPEG"]),
    (b"GIF89a" + bytes(50), 415, ["GIF", "PNG and JPEG"]),
    (make.jpeg(photo("cat"))[:600], 415, ["truncated"]),
    (bytes(LIMIT + 1), 413, ["too large", "300 kB"]),
], ids=["empty", "text", "gif", "truncated", "too large"])
def test_bad_uploads_get_a_readable_message(server, data, status, words):
    message = recognise(server, data, status)["error"]
    assert all(word in message for word in words), message
    assert "\n" not in message and len(message) < 300


def raw(port: int, request: bytes) -> bytes:
    """Sends bytes and returns all that comes back until the server ends."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return answer


@pytest.mark.parametrize(("lines", "status"), [
    ("Content-Length: 99999999999", 413),
    (f"Content-Length: {LIMIT + 1}", 413),
    (f"Content-Length: {LIMIT + 1}\r\nExpect: 100-continue", 413),
    ("Transfer-Encoding: chunked", 411),
    ("Transfer-Encoding: chunked\r\nContent-Length: 5", 411),
    ("X-Nothing: 1", 411),
    ("Content-Length: -1", 400),
    ("Content-Length: many", 400),
    ("Content-Length: \u0662", 400),
])
def test_refused_before_the_body_is_read(server, lines, status):
    head = f"POST /recognise HTTP/1.1\r\nHost: 127.0.0.1:{server}\r\n{lines}\r\n\r\n"
    answer = raw(server, head.encode("latin-1", "replace"))
    assert answer.startswith(f"HTTP/1.1 {status} ".encode()) and b"100 Continue" not in answer
    assert b"Connection: close" in answer and b'"error"' in answer


@pytest.mark.parametrize(("headers", "status"), [
    ({"Host": "evil.example:{port}"}, 421),
    ({"Host": "evil.example"}, 421),
    ({"Host": "127.0.0.1"}, 421),
    ({"Host": "127.0.0.1.evil.example:{port}"}, 421),
    ({"Host": ""}, 421),
    ({"Host": "localhost:{port}"}, 200),
    ({"Host": "[::1]:{port}"}, 200),
    ({"Origin": "http://127.0.0.1:{port}"}, 200),
    ({"Origin": "http://evil.example"}, 403),
    ({"Origin": "null"}, 403),
])
def test_only_our_own_page_may_ask(server, headers, status):
    given = {name: value.format(port=server) for name, value in headers.items()}
    answer = recognise(server, make.jpeg(photo("cat")), status, **given)
    assert ("error" in answer) == (status != 200)


def test_other_requests(server):
    assert ask(server, "GET", "/../../etc/passwd")[0] == 404
    assert ask(server, "GET", "/page.html")[0] == 404
    assert ask(server, "POST", "/", b"x")[0] == 404
    status, _, body = ask(server, "DELETE", "/recognise")
    assert status == 501 and json.loads(body)["error"]
    assert b'"error"' in raw(server, b"nonsense\r\n\r\n")
    assert b" 431 " in raw(server, b"GET / HTTP/1.1\r\nX: " + b"x" * 70000 + b"\r\n\r\n")


def test_it_listens_on_this_computer_alone(server):
    with pytest.raises(ConnectionRefusedError):
        # An address of this computer, but not the one.
        socket.create_connection(("127.0.0.2", server), timeout=5)


def test_many_at_once(server):
    pets = ["cat", "dog", "neither"] * 8
    with ThreadPoolExecutor(12) as pool:
        results = list(pool.map(
            lambda pet: recognise(server, make.jpeg(photo(pet, 400, 300))), pets))
    assert [result["answers"][0]["label"] for result in results] == pets


def test_an_upload_that_stops(server):
    head = f"POST /recognise HTTP/1.1\r\nHost: 127.0.0.1:{server}\r\nContent-Length: 1000\r\n\r\n"
    with socket.create_connection(("127.0.0.1", server), timeout=30) as connection:
        connection.sendall(head.encode() + b"half of it")
        connection.shutdown(socket.SHUT_WR)
        assert b"408" in connection.recv(65536).split(b"\r\n")[0]
    assert recognise(server, make.jpeg(photo("dog")))["answers"][0]["label"] == "dog"


def test_a_missing_model_is_explained():
    result = subprocess.run([sys.executable, "-B", WEB / "server.py", "--model", "/nowhere.cnn"],
                            capture_output=True, text=True,
                            env={**os.environ, "PYTHONPATH": str(Path(cnn.__file__).parents[1])})
    assert result.returncode == 1 and "/nowhere.cnn" in result.stderr
    assert "Traceback" not in result.stderr


# ---- In a browser --------------------------------------------------------------------------------

@pytest.fixture(scope="module")
def browser(server):
    """A browser that shows the page."""
    if missing := Browser.missing():
        pytest.skip(missing)
    shown = Browser()
    try:
        shown.open(f"http://127.0.0.1:{server}/")
        yield shown
    finally:
        shown.close()


DROP = """
const [name, type, content] = arguments;
const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
const transfer = new DataTransfer();
transfer.items.add(new File([bytes], name, {type}));
const target = document.getElementById("drop");
for (const kind of ["dragenter", "dragover", "drop"]) {
  target.dispatchEvent(
    new DragEvent(kind, {bubbles: true, cancelable: true, dataTransfer: transfer}));
}
"""


def drop(browser: Browser, name: str, kind: str, data: bytes) -> None:
    """Drops a file on the page."""
    browser.run(DROP, name, kind, base64.b64encode(data).decode())


def text(browser: Browser, name: str) -> str:
    """The visible text of an element."""
    return str(browser.run("return document.getElementById(arguments[0]).innerText", name))


ANSWERED = "return !document.getElementById('details').hidden"
REFUSED = "return document.getElementById('error').innerText"


def test_dropping_a_photo(browser):
    drop(browser, "mia.jpg", "image/jpeg", make.jpeg(photo("cat", 640, 480)))
    browser.wait_for(ANSWERED)
    assert re.fullmatch(r"cat, \d+\.\d %", text(browser, "answer"))
    rows = browser.run("return [...document.querySelectorAll('#classes tr')].map((row) => "
                       "[row.cells[0].innerText, row.querySelector('meter').value, "
                       "row.cells[2].innerText])")
    assert [row[0] for row in rows][0] == "cat" and len(rows) == 3
    assert all(row[2] == f"{100 * row[1]:.1f} %" for row in rows)
    for name in ("photo", "heat"):
        assert browser.wait_for(
            f"const image = document.getElementById('{name}');"
            "return image.complete && image.naturalWidth") == 640
    assert text(browser, "error") == ""
    drop(browser, "rex.png", "image/png", make.png(photo("dog"), 2))
    browser.wait_for("return document.getElementById('answer').innerText.startsWith('dog, ')")


def test_choosing_a_photo(browser, tmp_path):
    (tmp_path / "photo.jpg").write_bytes(make.jpeg(photo("neither")))
    browser.type_into("#file", str(tmp_path / "photo.jpg"))
    browser.wait_for("return document.getElementById('answer').innerText.startsWith('neither, ')")


def test_bad_uploads(browser, server):
    drop(browser, "notes.txt", "text/plain", b"This is a shopping list.\n" * 9)
    message = browser.wait_for(REFUSED)
    assert "text" in message and "PNG and JPEG" in message
    assert not browser.run(ANSWERED) and text(browser, "answer") == ""
    drop(browser, "large.jpg", "image/jpeg", bytes(LIMIT + 1))
    assert "too large" in browser.wait_for(REFUSED)
    drop(browser, "empty.jpg", "image/jpeg", b"")
    browser.wait_for("return document.getElementById('error').innerText.includes('empty')")
    # Past the check in the page, the server says the same, and the browser gets to read it.
    assert browser.run(f"""
        return fetch("/recognise", {{method: "POST", body: new Uint8Array({LIMIT + 1})}})
          .then(async (response) => [response.status, (await response.json()).error])
        """)[0] == 413
    # Afterwards a photo works again, and the message is gone.
    drop(browser, "mia.jpg", "image/jpeg", make.jpeg(photo("cat")))
    browser.wait_for(ANSWERED)
    assert text(browser, "error") == ""


def test_nothing_is_loaded_from_elsewhere_and_nothing_is_forbidden(browser, server):
    browser.messages()
    browser.open(f"http://127.0.0.1:{server}/")
    drop(browser, "mia.jpg", "image/jpeg", make.jpeg(photo("cat")))
    browser.wait_for(ANSWERED)
    loaded = browser.run("return performance.getEntriesByType('resource').map((one) => one.name)")
    own = f"http://127.0.0.1:{server}/"
    assert all(name.startswith((own, "data:", f"blob:{own}")) for name in loaded), loaded
    assert browser.messages() == []


def test_the_page_can_be_used_without_a_mouse(browser):
    names = browser.run("""
        const file = document.getElementById("file");
        file.focus();
        return [document.activeElement.id, file.labels[0].id, document.documentElement.lang,
                document.getElementById("error").getAttribute("role")];
        """)
    assert names == ["file", "drop", "en", "alert"]
    assert browser.run("return [...document.images].every((image) => image.hasAttribute('alt'))")
