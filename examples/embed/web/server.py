"""A web page that says whether a photo shows a cat, a dog or neither, and which places say so.

    python server.py                       then open http://127.0.0.1:8000
    python server.py --model mine.cnn      another model

Needs the package cnn and Python's standard library. It listens on this computer alone unless --host
says otherwise, keeps no photo, writes no file, and loads nothing from anywhere else. It is a
demonstration for one machine or a trusted network; on the internet, put it behind a server that
speaks TLS and knows its users.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import hashlib
import ipaddress
import json
import re
import signal
import socket
import sys
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import cnn

PAGE = Path(__file__).with_name("page.html")
MAP_SIDE = 640  # the longer side of the heat map, in pixels
MOST_CONNECTIONS = 64  # more are closed at once
MOST_UPLOADS = 4  # received and recognised at a time; others wait
WAIT_SECONDS = 10  # how long they wait
UPLOAD_SECONDS = 60  # how long an upload may take
IDLE_SECONDS = 15  # how long a connection may say nothing


class Refusal(Exception):
    """A request that gets an error, with a message for the person who made it."""

    def __init__(self, status: HTTPStatus, message: str):
        super().__init__(message)
        self.status = status


def recognise(model: cnn.Model, data: bytes) -> dict[str, object]:
    """Says what a photo shows, and where, as the page takes it."""
    if not data:
        raise Refusal(HTTPStatus.BAD_REQUEST, "This file is empty.")
    try:
        found = model.recognise(data, top=10)
        answers = [{"label": answer.label or f"class {answer.index}",
                    "probability": answer.probability} for answer in found]
    except cnn.OutOfMemoryError:
        raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "There is not enough memory now.") from None
    except cnn.CNNError as problem:
        raise Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
                      f"This file cannot be used: {problem}.") from None
    try:
        # The page shows no more pixels than these, and a large photo takes less time so.
        picture = cnn.Image(data, max_side=MAP_SIDE)
        explanation = model.explain(picture, method="grad_cam", label=found[0].index)
        heat_map = base64.b64encode(explanation.overlay().png()).decode()
        return {"answers": answers, "heat_map": heat_map}
    except cnn.CNNError as problem:
        return {"answers": answers, "heat_map": None, "note": f"There is no heat map: {problem}."}


def readable(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:.3g} MB" if size >= 1e6 else f"{size / 1e3:.3g} kB"


class Page:
    """The page as bytes, and the policy that lets its own script and style run, nothing else."""

    def __init__(self, limit: int):
        text = PAGE.read_text(encoding="utf-8")
        text = text.replace("{{LIMIT}}", readable(limit)).replace("{{BYTES}}", str(limit))
        self.content = text.encode()
        hashes = {
            tag: base64.b64encode(hashlib.sha256(
                re.search(f"<{tag}>(.*?)</{tag}>", text, re.S)[1].encode()).digest()).decode()
            for tag in ("script", "style")}
        self.policy = (
            f"default-src 'none'; script-src 'sha256-{hashes['script']}'; "
            f"style-src 'sha256-{hashes['style']}'; img-src blob: data:; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


class Server(ThreadingHTTPServer):
    """The server, with what its requests share."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int], model: cnn.Model, limit: int):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, Handler)
        self.model, self.limit, self.page = model, limit, Page(limit)
        self.uploads = threading.BoundedSemaphore(MOST_UPLOADS)
        self.connections = threading.BoundedSemaphore(MOST_CONNECTIONS)

    def process_request(self, request, client_address):
        """Handles a connection in a thread of its own, unless there are too many."""
        if not self.connections.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except BaseException:  # no thread could be started
            self.connections.release()
            raise

    def process_request_thread(self, request, client_address):
        """Counts the connection until it ends."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.connections.release()

    def handle_error(self, request, client_address):
        """Says in one line what went wrong; a peer that went away is no news."""
        problem = sys.exc_info()[1]
        if not isinstance(problem, OSError):
            print(f"{client_address[0]}: {type(problem).__name__}: {problem}", file=sys.stderr)

    def knows(self, host: str | None) -> bool:
        """Whether a Host header is one of ours.

        A page of somebody else can let its name point to this computer and then talk to us as if
        we were its own (DNS rebinding). Such requests carry that name, so only addresses, this
        machine's name and localhost are answered.
        """
        match = re.fullmatch(r"(\[[0-9a-fA-F:.]+\]|[\w.-]+)(?::(\d{1,5}))?", host or "", re.ASCII)
        if not match or int(match[2] or 80) != self.server_address[1]:
            return False
        name = match[1].strip("[]").lower()
        if name in ("localhost", self.server_address[0].lower(), socket.gethostname().lower()):
            return True
        try:
            ipaddress.ip_address(name)
            return True
        except ValueError:
            return False


class Handler(BaseHTTPRequestHandler):
    """Answers the page and the photos."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "cnn-demo", ""
    timeout = IDLE_SECONDS
    server: Server

    def do_GET(self) -> None:
        """The page."""
        self._answer(self._page)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        """A photo: what it shows."""
        self._answer(self._recognise)

    def _page(self) -> None:
        if self.path.split("?")[0] != "/":
            raise Refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
        self._send(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page.content)

    def _recognise(self) -> None:
        size = self._announced_size()
        if self.path != "/recognise":
            raise Refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
        if not self.server.uploads.acquire(timeout=WAIT_SECONDS):
            raise Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "Too many photos at once. Try again.")
        try:
            result = recognise(self.server.model, self._body(size))
        finally:
            self.server.uploads.release()
        self._send_json(HTTPStatus.OK, result)

    def _announced_size(self) -> int:
        """The length of the body, which is refused before any of it is read."""
        text = self.headers.get("Content-Length")
        if text is None or self.headers.get("Transfer-Encoding"):
            raise Refusal(HTTPStatus.LENGTH_REQUIRED, "The length of the photo is missing.")
        if not re.fullmatch(r"\d{1,15}", text, re.ASCII):
            raise Refusal(HTTPStatus.BAD_REQUEST, "The length of the photo is no number.")
        if int(text) > self.server.limit:
            limit = readable(self.server.limit)
            raise Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
                          f"This file is too large: the limit is {limit}.")
        return int(text)

    def _body(self, size: int) -> bytes:
        deadline = time.monotonic() + UPLOAD_SECONDS
        data = bytearray()
        while len(data) < size:
            part = self.rfile.read1(min(1 << 16, size - len(data)))
            if not part or time.monotonic() > deadline:
                raise Refusal(HTTPStatus.REQUEST_TIMEOUT, "The photo did not arrive completely.")
            data += part
        return bytes(data)

    def handle_expect_100(self) -> bool:
        """Before a client sends a photo: tells it whether to."""
        try:
            self._check_sender()
            self._announced_size()
        except Refusal as refusal:
            self._refuse(refusal.status, str(refusal))
            return False
        return super().handle_expect_100()

    def _check_sender(self) -> None:
        """Answers only what comes from our own page, or from no page."""
        if not self.server.knows(self.headers.get("Host")):
            raise Refusal(HTTPStatus.MISDIRECTED_REQUEST, "This server has another name.")
        origin = self.headers.get("Origin")
        if origin is not None and origin != f"http://{self.headers['Host']}":
            raise Refusal(HTTPStatus.FORBIDDEN, "Other pages may not use this server.")

    def _answer(self, respond) -> None:
        """Responds; errors get an answer too."""
        try:
            self._check_sender()
            respond()
        except Refusal as refusal:
            self._refuse(refusal.status, str(refusal))
        except TimeoutError:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "The photo did not arrive in time.")
        except OSError:
            raise  # the peer went away
        except Exception as problem:
            print(f"{type(problem).__name__}: {problem}", file=sys.stderr)
            self._refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "The server made a mistake.")

    def send_error(self, code, message=None, explain=None) -> None:
        """What Python's server says about requests that are none, in our form."""
        self._refuse(HTTPStatus(code), message or HTTPStatus(code).phrase)

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        # What is left of the request is not read as the next one.
        self.close_connection = True
        self._send_json(status, {"error": message})
        if int(status) == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            self._drain()

    def _drain(self) -> None:
        """Lets the peer finish sending for a moment, so that it gets to read the answer."""
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_WR)
            deadline = time.monotonic() + 2
            self.connection.settimeout(0.5)
            while time.monotonic() < deadline and self.connection.recv(1 << 16):
                pass

    def _send_json(self, status: HTTPStatus, value: object) -> None:
        self._send(status, "application/json", json.dumps(value).encode())

    def _send(self, status: HTTPStatus, kind: str, content: bytes) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind, "Content-Length": str(len(content)), "Cache-Control": "no-store",
            "Content-Security-Policy": self.server.page.policy,
            "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin"}
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *arguments: object) -> None:
        """One line for each request; nothing that a peer sends can break out of it."""
        text = (format % arguments).encode("unicode_escape").decode()
        print(f"{self.address_string()} {text}", file=sys.stderr)


def main() -> int:
    """Serves until somebody stops it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", help="the model; left out, the one that comes with the library")
    parser.add_argument("--host", default="127.0.0.1",
                        help="the address to listen on (127.0.0.1: only this computer)")
    parser.add_argument("--port", type=int, default=8000, help="0 takes any that is free (8000)")
    parser.add_argument("--limit", type=float, default=10, metavar="MB",
                        help="the largest upload in megabytes, from 0.001 to 1000 (10)")
    given = parser.parse_args()
    if not 0.001 <= given.limit <= 1000:
        parser.error("--limit is from 0.001 to 1000")
    try:
        model = cnn.Model.load(given.model) if given.model else cnn.Model.pretrained()
        server = Server((given.host, given.port), model, int(given.limit * 1e6))
    except (cnn.CNNError, OSError, OverflowError) as problem:
        print(problem, file=sys.stderr)
        return 1
    host = f"[{given.host}]" if ":" in given.host else given.host
    print(f"http://{host}:{server.server_address[1]}", flush=True)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
