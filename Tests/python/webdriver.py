"""A browser without a window, driven by WebDriver (W3C): what testing a page needs."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import subprocess
import time
from typing import Any

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the standard's key for a reference


class Browser:
    """Chromium, until it is closed."""

    @staticmethod
    def missing() -> str | None:
        """What is not installed, or None."""
        for name in ("chromium", "chromedriver"):
            if not shutil.which(name):
                return f"{name} is not installed (Tools/setup --test installs it)"
        return None

    def __init__(self) -> None:
        self._driver = subprocess.Popen(
            [shutil.which("chromedriver"), "--port=0"], stdout=subprocess.PIPE, text=True)
        self._session = ""
        try:
            for line in self._driver.stdout:
                if match := re.search(r"successfully on port (\d+)", line):
                    self._port = int(match[1])
                    break
            else:
                raise RuntimeError("chromedriver does not start")
            # Tests run as root in containers, where Chromium's own sandbox cannot work.
            arguments = ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage",
                         "--disable-gpu", "--no-first-run", "--window-size=1000,900"]
            capabilities = {
                "goog:chromeOptions": {"args": arguments, "binary": shutil.which("chromium")},
                "goog:loggingPrefs": {"browser": "ALL"}}
            made = self._call("POST", "/session", {"capabilities": {"alwaysMatch": capabilities}})
            self._session = f"/session/{made['sessionId']}"
        except BaseException:
            self.close()
            raise

    def _call(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=90)
        try:
            connection.request(method, self._session + path,
                               None if body is None else json.dumps(body),
                               {"Content-Type": "application/json"})
            value = json.loads(connection.getresponse().read())["value"]
        finally:
            connection.close()
        if isinstance(value, dict) and "error" in value:
            raise RuntimeError(f"{value['error']}: {value['message']}")
        return value

    def open(self, address: str) -> None:
        """Goes to a page and waits until it is loaded."""
        self._call("POST", "/url", {"url": address})

    def run(self, script: str, *arguments: Any) -> Any:
        """Runs a script in the page; promises are waited for."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def type_into(self, selector: str, text: str) -> None:
        """Types into an element; into a field for files, the path of a file."""
        found = self._call("POST", "/element", {"using": "css selector", "value": selector})
        self._call("POST", f"/element/{found[ELEMENT]}/value", {"text": text})

    def wait_for(self, script: str, seconds: float = 30) -> Any:
        """Waits until a script returns something true, and returns that."""
        deadline = time.monotonic() + seconds
        while not (value := self.run(script)):
            if time.monotonic() > deadline:
                raise TimeoutError(f"{script}\n{self.run('return document.body.innerText')}")
            time.sleep(0.05)
        return value

    def messages(self) -> list[str]:
        """What the browser has complained about since the last call."""
        return [entry["message"] for entry in self._call("POST", "/se/log", {"type": "browser"})]

    def screenshot(self) -> str:
        """The page as PNG, in base64."""
        return str(self._call("GET", "/screenshot"))

    def close(self) -> None:
        """Ends the browser."""
        try:
            if self._session:
                self._call("DELETE", "")
        finally:
            self._driver.terminate()
            self._driver.wait()
            self._driver.stdout.close()
