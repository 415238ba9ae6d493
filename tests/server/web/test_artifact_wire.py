"""Bytes over a true connection: what clients that break off or are refused see and leave."""

import http.client
import json
import os
import socket
import time
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from scripts.process import Server

MIB = 1024 * 1024
CREATE = "mutation { createRun(input: {}) { id } }"


@pytest.fixture
def run(server: Server) -> str:
    answer = httpx.post(f"{server.url}/graphql", json={"query": CREATE}).json()
    return str(answer["data"]["createRun"]["id"])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return tmp_path / "home" / "artifacts"


def files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def until(what: object, root: Path, count: int) -> None:
    """Until so many files lie in the store."""
    deadline = time.monotonic() + 30
    while len(files(root)) != count:
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_whoever_is_refused_hears_why(server: Server, run: str, root: Path) -> None:
    """Also while he still sends much more than any buffer on the way holds."""
    body = os.urandom(24 * MIB)
    wrong = {"repr-digest": "sha-256=:" + "A" * 43 + "=:"}
    with httpx.Client(base_url=server.url) as http:
        for path, headers, code in (
            (f"{run}/a", wrong, "WRONG_DIGEST"),
            (f"{run}/a", {"repr-digest": "sha-256=:x:"}, "INVALID_INPUT"),
            (f"{run}/a%5Cb", {}, "INVALID_INPUT"),
            (f"{'0' * 32}/a", {}, "NOT_FOUND"),
        ):
            answer = http.put(f"/artifacts/runs/{path}", content=body, headers=headers)
            assert answer.json()["errors"][0]["extensions"]["code"] == code
        assert http.put(f"/artifacts/runs/{run}/a", content=body).status_code == 201
        got = http.get(f"/artifacts/runs/{run}/a")
        assert sha256(got.content).digest() == sha256(body).digest()
    assert len(files(root)) == 1


def test_a_client_that_goes_away_leaves_nothing(server: Server, run: str, root: Path) -> None:
    for head in (
        f"PUT /artifacts/runs/{run}/a HTTP/1.1\r\nContent-Length: {64 * MIB}\r\n",
        f"PUT /artifacts/runs/{run}/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n",
    ):
        with socket.create_connection(("127.0.0.1", server.port)) as wire:
            wire.sendall(f"{head}Host: 127.0.0.1:{server.port}\r\n\r\n".encode())
            if "chunked" in head:
                wire.sendall(f"{4 * MIB:x}\r\n".encode())
            wire.sendall(bytes(4 * MIB))
            until("a draft", root, 1)
        until("nothing", root, 0)
        assert httpx.get(f"{server.url}/artifacts/runs/{run}/a").status_code == 404


def test_a_client_that_stops_reading_is_let_go(server: Server, run: str) -> None:
    address = f"/artifacts/runs/{run}/a"
    httpx.put(server.url + address, content=bytes(64 * MIB))
    for _ in range(20):
        connection = http.client.HTTPConnection("127.0.0.1", server.port)
        connection.request("GET", address)
        response = connection.getresponse()
        assert response.read(1000) == bytes(1000)
        connection.close()
    got = httpx.get(server.url + address, headers={"range": f"bytes={64 * MIB - 3}-"})
    assert (got.status_code, got.content) == (206, bytes(3))
    deadline = time.monotonic() + 30
    folder = Path(f"/proc/{server.pid}/fd")
    while any("/blobs/" in _target(each) for each in folder.iterdir()):
        assert time.monotonic() < deadline, "a file that nobody reads stays open"
        time.sleep(0.01)


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""


def test_a_server_that_dies_leaves_nothing_visible(server: Server, run: str, root: Path) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as wire:
        head = f"PUT /artifacts/runs/{run}/a HTTP/1.1\r\nContent-Length: {64 * MIB}\r\n"
        wire.sendall(f"{head}Host: 127.0.0.1:{server.port}\r\n\r\n".encode() + bytes(4 * MIB))
        until("a draft", root, 1)
        server.kill()
    server.start()
    question = {"query": f'{{ run(id: "{run}") {{ artifactFiles }} }}'}
    answer = httpx.post(f"{server.url}/graphql", json=question).json()
    assert answer["data"]["run"]["artifactFiles"] == 0
    assert httpx.get(f"{server.url}/artifacts/runs/{run}/a").status_code == 404
    put = httpx.put(f"{server.url}/artifacts/runs/{run}/a", content=b"abc")
    assert json.loads(put.content)["size"] == 3
