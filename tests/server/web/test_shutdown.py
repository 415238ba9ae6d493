"""A signal ends the server in good order: streams closed, requests finished, exit code 0."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import orjson
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Subprotocol

CREATE = 'mutation { createExperiment(input: {name: "kept"}) { id } }'
FOLLOW = "subscription ($ids: [ID!]!) { runsChanged(experimentIds: $ids) { runs { id } } }"


class Running:
    """A server in a process of its own, and what is said to it."""

    def __init__(self, process: subprocess.Popen[str], address: str) -> None:
        self.process = process
        self.address = address
        self.place = (address.removeprefix("http://").rpartition(":")[0], self.port)

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    def ask(self, query: str, variables: dict[str, object] | None = None) -> dict[str, object]:
        payload = {"query": query, "variables": variables}
        response = httpx.post(f"{self.address}/graphql", json=payload)
        data = response.json()["data"]
        assert isinstance(data, dict)
        return data

    def begin(self, query: str) -> tuple[socket.socket, bytes]:
        """A request of which the server has all but the last bytes, which are given back."""
        body = orjson.dumps({"query": query})
        head = (
            f"POST /graphql HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        connection = socket.create_connection(self.place, timeout=30)
        connection.sendall(head.encode() + body[:-5])
        # An answer on a second connection says that the first one's bytes were read before.
        assert httpx.get(f"{self.address}/health").status_code == 200
        return connection, body[-5:]

    def stop_accepting(self, signal_number: int = signal.SIGTERM) -> None:
        """Sends the signal and waits until nobody listens any more."""
        self.process.send_signal(signal_number)
        while True:
            try:
                socket.create_connection(self.place, timeout=30).close()
            except ConnectionError:
                return


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    with start(tmp_path) as server:
        yield server


@contextmanager
def start(home: Path) -> Iterator[Running]:
    settings = {"TRACKQL_HOME": str(home), "TRACKQL_SHUTDOWN_AFTER": "600"}
    process = subprocess.Popen(
        [sys.executable, "-m", "trackql_server.cli", "server", "--port", "0"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield Running(process, process.stdout.readline().split()[-1])
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_an_idle_server_ends_well(running: Running, signal_number: int) -> None:
    running.stop_accepting(signal_number)
    assert running.process.wait(30) == 0


def test_a_request_in_flight_is_finished(tmp_path: Path) -> None:
    with start(tmp_path) as running:
        connection, rest = running.begin(CREATE)
        with connection:
            running.stop_accepting()
            connection.sendall(rest)
            answer = b""
            while part := connection.recv(65_536):
                answer += part
        assert b"200 OK" in answer
        created = orjson.loads(answer.partition(b"\r\n\r\n")[2])["data"]["createExperiment"]["id"]
        assert running.process.wait(30) == 0
    with start(tmp_path) as again:
        found = again.ask('{ experiment(name: "kept") { id } }')
        assert found == {"experiment": {"id": created}}


def test_a_second_signal_ends_it_at_once(running: Running) -> None:
    connection, _ = running.begin(CREATE)
    with connection:
        running.stop_accepting()
        assert running.process.poll() is None
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(30) == 128 + signal.SIGTERM


def test_websockets_are_told_that_the_server_goes_away(running: Running) -> None:
    created = running.ask(CREATE)["createExperiment"]
    assert isinstance(created, dict)
    with connect(
        f"ws://127.0.0.1:{running.port}/graphql",
        subprotocols=[Subprotocol("graphql-transport-ws")],
        proxy=None,
    ) as socket_:
        socket_.send('{"type": "connection_init"}')
        assert socket_.recv(30) == '{"type":"connection_ack"}'
        payload = {"query": FOLLOW, "variables": {"ids": [created["id"]]}}
        message = {"type": "subscribe", "id": "1", "payload": payload}
        socket_.send(orjson.dumps(message).decode())
        running.process.terminate()
        with pytest.raises(ConnectionClosed) as closed:
            socket_.recv(30)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    assert running.process.wait(30) == 0


def test_event_streams_end(running: Running) -> None:
    created = running.ask(CREATE)["createExperiment"]
    assert isinstance(created, dict)
    payload = {"query": FOLLOW, "variables": {"ids": [created["id"]]}}
    with httpx.stream(
        "POST",
        f"{running.address}/graphql",
        json=payload,
        headers={"Accept": "text/event-stream"},
        timeout=30,
    ) as response:
        assert response.status_code == 200
        running.process.terminate()
        assert "complete" not in response.read().decode()
    assert running.process.wait(30) == 0
