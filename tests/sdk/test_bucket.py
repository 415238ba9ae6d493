"""Files of a server whose artifacts lie in a bucket: the bytes go there past the server."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import trackql
from scripts.process import Server, trackql_server
from tests.buckets import s3_endpoint
from trackql import _courier, _session, _wire, errors


@pytest.fixture
def bucket_server(tmp_path: Path) -> Iterator[Server]:
    with s3_endpoint() as endpoint:
        root = f"s3://{endpoint.bucket()}/artifacts"
        home = tmp_path / "home"
        with trackql_server(home, "--artifact-root", root, env=endpoint.environment) as server:
            yield server


@pytest.mark.parametrize("direct", [True, False])
def test_a_large_file(
    bucket_server: Server,
    session: _session.Session,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    direct: bool,
) -> None:
    monkeypatch.setenv("TRACKQL_URL", bucket_server.url)
    passed: list[str] = []
    put = _wire.elsewhere

    def elsewhere(method: str, url: str, *rest: object) -> None:
        if not direct:  # a bucket that this machine cannot reach
            raise errors.ServerError("no")
        put(method, url, *rest)  # type: ignore[arg-type]
        passed.append(url)

    monkeypatch.setattr(_courier, "elsewhere", elsewhere)
    source = tmp_path / "model.bin"
    source.write_bytes(os.urandom(1 << 20) * 40)
    with trackql.start_run() as run:
        trackql.log_artifact(source)
        trackql.log_text("small", "notes/small.txt")
    assert bool(passed) == direct
    got = Path(run.download_artifacts("", tmp_path / "got"))
    assert (got / "notes/small.txt").read_text() == "small"
    with (got / "model.bin").open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    assert digest == hashlib.sha256(source.read_bytes()).hexdigest()
    assert trackql.get_run(run.id).problems == []
