"""The commands that start the server and look after its database, as a person runs them."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.postgres import Cluster
from trackql_server.settings import Settings
from trackql_server.store.migrate import HEAD

COMMAND = [sys.executable, "-m", "trackql_server.cli"]


def environment(home: Path, **settings: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TRACKQL_")}
    return {**kept, "TRACKQL_HOME": str(home), "NO_COLOR": "1", **settings}


def run(home: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        env=environment(home, **settings),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def started(home: Path, *arguments: str, **settings: str) -> Iterator[tuple[str, int]]:
    """The address that the server printed and its process; it has to end with exit code 0."""
    process = subprocess.Popen(
        [*COMMAND, "server", *arguments],
        env=environment(home, **settings),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("trackql listens on http://"), line
        yield line.split()[-1], process.pid
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def test_a_free_port_is_printed_once_it_answers(tmp_path: Path) -> None:
    with started(tmp_path / "home", "--port", "0") as (address, _):
        assert address.startswith("http://127.0.0.1:")
        assert httpx.get(f"{address}/health").json() == {"status": "ok"}
        assert httpx.get(f"{address}/ready").json() == {"status": "ready"}
        assert set(httpx.get(f"{address}/version").json()) == {"version"}
        asked = httpx.post(f"{address}/graphql", json={"query": "{ server { version } }"})
        assert "errors" not in asked.json()
    assert (tmp_path / "home" / "trackql.db").is_file()


def test_the_guard_stands_before_everything(tmp_path: Path) -> None:
    with started(tmp_path / "home", "--port", "0") as (address, _):
        for path in ("/", "/health", "/graphql", "/assets/x.js"):
            rebound = httpx.get(address + path, headers={"Host": "evil.example"})
            assert rebound.status_code == 403, path
            foreign = httpx.post(address + path, headers={"Origin": "http://evil.example"})
            assert foreign.status_code == 403, path
        with pytest.raises(InvalidStatus) as refused:
            connect(
                f"{address.replace('http', 'ws', 1)}/graphql",
                origin=Origin("http://evil.example"),
                subprotocols=[Subprotocol("graphql-transport-ws")],
                proxy=None,
            )
        assert refused.value.response.status_code == 403


def test_off_loopback_other_names_are_served_but_not_other_origins(tmp_path: Path) -> None:
    arguments = ("--host", "0.0.0.0", "--insecure", "--port", "0")
    with started(tmp_path / "home", *arguments) as (address, _):
        address = address.replace("0.0.0.0", "127.0.0.1")
        named = httpx.get(f"{address}/health", headers={"Host": "gpu-7:4000"})
        assert named.status_code == 200
        foreign = httpx.get(
            f"{address}/health", headers={"Host": "gpu-7:4000", "Origin": "http://evil.example"}
        )
        assert foreign.status_code == 403


def test_off_loopback_needs_a_word(tmp_path: Path) -> None:
    result = run(tmp_path, "server", "--host", "0.0.0.0", "--port", "0")
    assert result.returncode == 2
    assert "--insecure" in result.stderr
    assert result.stdout == ""


@pytest.mark.parametrize(
    ("database_url", "remedy"),
    [("", "PostgreSQL"), ("postgresql://localhost/trackql", "not supported yet")],
)
def test_one_worker_only(tmp_path: Path, database_url: str, remedy: str) -> None:
    arguments = ("server", "--port", "0", "--workers", "2")
    result = run(tmp_path, *arguments, TRACKQL_DATABASE_URL=database_url)
    assert result.returncode == 2
    assert remedy in result.stderr


def test_a_wrong_setting_is_named(tmp_path: Path) -> None:
    result = run(tmp_path, "server", TRACKQL_PORT="many")
    assert result.returncode == 2
    assert "TRACKQL_PORT" in result.stderr


def test_a_port_in_use_is_named(tmp_path: Path) -> None:
    with started(tmp_path / "home", "--port", "0") as (address, _):
        port = address.rsplit(":", 1)[1]
        result = run(tmp_path / "other", "server", "--port", port)
    assert result.returncode == 2
    assert port in result.stderr
    assert "--port" in result.stderr


def test_options_win_over_the_environment(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'chosen.db'}"
    arguments = ("--port", "0", "--database-url", url)
    unused = f"sqlite:///{tmp_path / 'unused.db'}"
    with started(tmp_path, *arguments, TRACKQL_DATABASE_URL=unused, TRACKQL_PORT="1"):
        pass
    assert (tmp_path / "chosen.db").is_file()
    assert not (tmp_path / "unused.db").exists()


def test_upgrade_and_current(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'own.db'}"
    before = run(tmp_path, "db", "current", "--database-url", url)
    assert before.stdout == f"nothing (this release needs {HEAD})\n"
    done = run(tmp_path, "db", "upgrade", "--database-url", url)
    assert done.stdout == f"The database went from nothing to {HEAD}.\n"
    again = run(tmp_path, "db", "upgrade", "--database-url", url)
    assert again.stdout == f"The database is at {HEAD} already.\n"
    with sqlite3.connect(tmp_path / "own.db") as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}
    connection.close()
    assert "run" in tables


def test_current_makes_nothing(tmp_path: Path) -> None:
    assert run(tmp_path / "home", "db", "current").stdout.startswith("nothing")
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize("command", [("server", "--port", "0"), ("db", "current")])
@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://ada:hunter2@127.0.0.1:1/x", "127.0.0.1:1/x cannot be opened"),
        ("sqlite:////dev/null/x.db", "/dev/null/x.db cannot be opened"),
        ("mysql://db/x", "postgresql://host/name"),
        ("trackql.db", "sqlite:///a/file"),
    ],
)
def test_a_database_that_cannot_be_opened_is_named(
    tmp_path: Path, command: tuple[str, ...], url: str, said: str
) -> None:
    result = run(tmp_path, *command, TRACKQL_DATABASE_URL=url)
    if command[0] == "db" and "/dev/null" in url:
        assert result.stdout.startswith("nothing")
        return
    assert result.returncode == 2
    assert said in result.stderr
    assert "hunter2" not in result.stderr
    assert "Traceback" not in result.stderr


def test_a_server_database_is_upgraded_only_by_command(tmp_path: Path, postgres: Cluster) -> None:
    url = postgres.url(postgres.create("by_command", "template0"))
    refused = run(tmp_path, "server", "--port", "0", TRACKQL_DATABASE_URL=url)
    assert refused.returncode == 2
    assert "trackql db upgrade" in refused.stderr

    done = run(tmp_path, "db", "upgrade", TRACKQL_DATABASE_URL=url)
    assert done.stdout == f"The database went from nothing to {HEAD}.\n"
    with started(tmp_path, "--port", "0", TRACKQL_DATABASE_URL=url) as (address, _):
        assert httpx.get(f"{address}/ready").status_code == 200


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("trackql_server.app", {"alembic", "asyncpg", "uvicorn"}),
        ("trackql_server.cli", {"numpy", "pydantic", "sqlalchemy", "strawberry", "uvicorn"}),
    ],
)
def test_what_is_not_needed_is_not_imported(module: str, unwanted: set[str]) -> None:
    script = f"import {module}, sys; print(*sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=60
    )
    assert unwanted.isdisjoint(result.stdout.split())


def test_each_setting_says_what_it_does() -> None:
    for name, field in Settings.model_fields.items():
        assert field.description, name
        assert field.description.endswith("."), name


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("postgresql://db/x", "postgresql+asyncpg://db/x"),
        ("postgres://db/x", "postgresql+asyncpg://db/x"),
        ("sqlite:////data/x.db", "sqlite+aiosqlite:////data/x.db"),
        ("postgresql+asyncpg://db/x", "postgresql+asyncpg://db/x"),
    ],
)
def test_database_urls_need_not_name_the_driver(given: str, used: str) -> None:
    assert Settings(database_url=given).database == used


def test_requests_are_logged_when_asked(tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "server", "--port", "0"],
        env=environment(tmp_path, TRACKQL_ACCESS_LOG="true"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        httpx.get(f"{address}/health")
    finally:
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert "GET /health" in log


def asked(address: str, document: str, **variables: object) -> dict[str, Any]:
    """The data of an answer without errors."""
    body = {"query": document, "variables": variables}
    answer = httpx.post(f"{address}/graphql", json=body, timeout=60).json()
    assert "errors" not in answer, answer
    data: dict[str, Any] = answer["data"]
    return data


def collected(home: Path, *arguments: str, **settings: str) -> dict[str, int]:
    """What `trackql db gc --json` tells."""
    result = run(home, "db", "gc", "--json", *arguments, **settings)
    assert result.returncode == 0, result.stderr
    told: dict[str, int] = json.loads(result.stdout)
    return told


def test_gc_beside_a_running_server(tmp_path: Path, database_url: str) -> None:
    settings = {"TRACKQL_DATABASE_URL": database_url}
    with started(tmp_path, "--port", "0", **settings) as (address, _):
        made = [
            asked(address, 'mutation { createRun(input: {experimentName: "e"}) { id } }')
            for _ in range(3)
        ]
        ids = [each["createRun"]["id"] for each in made]
        for each in ids:
            for name, body in (("own", each.encode()), ("shared", b"the same in all")):
                kept = httpx.put(f"{address}/artifacts/runs/{each}/{name}", content=body)
                assert kept.status_code == 201
        asked(
            address,
            """mutation($ids: [ID!]!) {
                 updateRuns(input: {runIds: $ids, lifecycle: DELETED}) { count } }""",
            ids=ids[:2],
        )
        asked(
            address,
            """mutation($id: ID!) {
                 deleteArtifacts(input: {runId: $id, paths: ["own"]}) { __typename } }""",
            id=ids[2],
        )
        nothing = dict.fromkeys(
            ("experiments", "runs", "artifacts", "uploads", "blobs", "orphans", "bytes"), 0
        )
        assert collected(tmp_path, **settings) == {"dryRun": False, **nothing}
        assert collected(tmp_path, "--older-than", "0d", "--experiments", **settings) == {
            "dryRun": False,
            **nothing,
        }
        wanted = nothing | {"runs": 2, "artifacts": 4, "blobs": 2, "bytes": 64}
        runs = ("--older-than", "0d", "--runs")
        for _ in range(2):
            told = collected(tmp_path, *runs, "--dry-run", **settings)
            assert told == {"dryRun": True, **wanted}
        assert collected(tmp_path, *runs, **settings) == {"dryRun": False, **wanted}
        rest = nothing | {"artifacts": 1, "blobs": 1, "bytes": 32}
        assert collected(tmp_path, "--older-than", "0s", **settings) == {"dryRun": False, **rest}
        # The server goes on, and what is left is whole.
        left = httpx.get(f"{address}/artifacts/runs/{ids[2]}/shared")
        assert left.content == b"the same in all"
        found = asked(address, "{ runs(lifecycle: ALL) { nodes { id } } }")["runs"]["nodes"]
        assert [each["id"] for each in found] == [ids[2]]
    files = [path for path in (tmp_path / "artifacts").rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [b"the same in all"]


def test_gc_finds_bytes_that_nothing_names(tmp_path: Path) -> None:
    run(tmp_path, "db", "upgrade")
    lost = tmp_path / "artifacts" / "blobs" / "aa" / "lost"
    lost.parent.mkdir(parents=True)
    new = lost.with_name("new")
    for path in (lost, new):
        path.write_bytes(b"left by a process that died")
    os.utime(lost, (0, 0))
    assert collected(tmp_path, "--runs")["orphans"] == 0
    for arguments in (("--dry-run",), ()):
        told = collected(tmp_path, "--orphans", *arguments)
        assert (told["orphans"], told["bytes"]) == (1, 27)
    assert not lost.exists()
    assert new.exists(), "somebody may be writing it"
    said = run(tmp_path, "db", "gc", "--dry-run")
    assert said.stdout.startswith("Would remove for good:\n  0 experiments\n")
    assert said.stdout.endswith("  0 bytes of artifacts would be freed\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--older-than", "soon"), "--older-than 'soon' is no length of time"),
        (("--artifact-root", "ftp://x/y"), "TRACKQL_ARTIFACT_ROOT ftp://x/y is of no known kind"),
        (("--database-url", "sqlite:////dev/null/x.db"), "--database-url"),
    ],
)
def test_gc_says_what_is_wrong(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    run(tmp_path, "db", "upgrade")
    result = run(tmp_path, "db", "gc", *arguments)
    assert result.returncode == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr


def test_gc_makes_no_database(tmp_path: Path) -> None:
    result = run(tmp_path / "home", "db", "gc")
    assert result.returncode == 2
    assert "there is no database" in result.stderr
    assert not (tmp_path / "home").exists()
