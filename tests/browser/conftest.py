"""Chromium on a real server, and a training script that does what a test tells it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, Request, sync_playwright

from scripts.process import Server

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SHOTS = Path(__file__).parents[2] / ".cache" / "screenshots"

# Reads one JSON list a line, [verb, arguments]; says so when it is done.
TRAINER = """
import json, sys
import trackql

for line in sys.stdin:
    verb, arguments = json.loads(line)
    result = getattr(trackql, verb)(**arguments)
    print(json.dumps(result.info.run_id if verb == "start_run" else None), flush=True)
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One browser for the tests of a module; each test has contexts of its own."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        yield running
        running.close()


OpenPage = Callable[..., Page]


@pytest.fixture
def open_page(browser: Browser, server: Server) -> Iterator[OpenPage]:
    """Opens an address of the server; what the page complains of fails the test at its end."""
    contexts = []
    complaints: list[str] = []

    def open_page(path: str, theme: str = "light", width: int = 1280, height: int = 800) -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            base_url=server.url,
        )
        contexts.append(context)
        page = context.new_page()
        page.set_default_timeout(20_000)

        def on_console(message: ConsoleMessage) -> None:
            # What cannot be reached while the server is down is what such a test is about.
            if message.type in ("error", "warning") and "ERR_CONNECTION" not in message.text:
                complaints.append(f"{page.url}: {message.text}")

        def on_error(error: Error) -> None:
            complaints.append(f"{page.url}: {error}")

        def on_request(request: Request) -> None:
            if not request.url.startswith((server.url, "data:", "blob:")):
                complaints.append(f"{page.url} asked another origin: {request.url}")

        page.on("console", on_console)
        page.on("pageerror", on_error)
        page.on("request", on_request)
        page.goto(path)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert complaints == []


class Trainer:
    """A script in a process of its own that tracks with the SDK, one call at a time."""

    def __init__(self, url: str, folder: Path) -> None:
        kept = {name: value for name, value in os.environ.items() if "TRACKQL_" not in name}
        self._process = subprocess.Popen(
            [sys.executable, "-c", TRAINER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={
                **kept,
                "TRACKQL_URL": url,
                "TRACKQL_SPOOL": str(folder / "spool"),
                "TRACKQL_QUIET": "1",
            },
        )

    def __call__(self, verb: str, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([verb, arguments]) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        assert answer, f"the training script ended at {verb}"
        return json.loads(answer)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(60)
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture
def trainer(server: Server, tmp_path: Path) -> Iterator[Trainer]:
    running = Trainer(server.url, tmp_path)
    yield running
    running.close()


Ask = Callable[..., dict[str, Any]]


@pytest.fixture
def ask(server: Server) -> Iterator[Ask]:
    """Asks the server over GraphQL."""
    with httpx.Client(base_url=server.url, trust_env=False, timeout=60) as http:

        def ask(document: str, **variables: Any) -> dict[str, Any]:
            reply = http.post("/graphql", json={"query": document, "variables": variables})
            answer: dict[str, Any] = reply.json()
            assert "errors" not in answer, answer["errors"]
            data: dict[str, Any] = answer["data"]
            return data

        yield ask
