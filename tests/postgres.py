"""A PostgreSQL cluster for one test session, from the system's binaries."""

import os
import pwd
import shutil
import subprocess
import tempfile
import time
from itertools import count
from pathlib import Path

from scripts.process import free_port

TEMPLATE = "migrated"


class Cluster:
    """Runs as an unprivileged user; what it holds need not survive, so nothing is synced."""

    def __init__(self) -> None:
        self._bin = _binaries()
        account = _account() if os.getuid() == 0 else None
        self._user = account and account.pw_uid
        self._group = account and account.pw_gid
        self._groups: list[int] | None = [] if account else None
        self._port = free_port()
        self._numbers = count()
        self._folder = Path(tempfile.mkdtemp(prefix="trackql-pg-"))
        if account:
            shutil.chown(self._folder, account.pw_uid, account.pw_gid)
        # English order as the default: text that forgets its own collation sorts visibly wrong.
        self._run(
            "initdb", "--pgdata", "data", "--username", "trackql", "--auth", "trust", "--no-sync",
            "--encoding", "UTF8", "--locale", "C.UTF-8",
            "--locale-provider", "icu", "--icu-locale", "en-US",
        )  # fmt: skip
        settings = {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "listen_addresses": "127.0.0.1",
            "port": self._port,
            "unix_socket_directories": self._folder,
            "max_connections": 200,
        }
        with self._folder.joinpath("log").open("wb") as log:
            self._process = subprocess.Popen(
                [
                    self._bin / "postgres",
                    *("-D", "data"),
                    *(f"--{name}={value}" for name, value in settings.items()),
                ],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=self._user,
                group=self._group,
                extra_groups=self._groups,
            )
        self._wait()

    def url(self, database: str) -> str:
        """Where the server finds that database."""
        return f"postgresql+asyncpg://trackql@127.0.0.1:{self._port}/{database}"

    def create(self, name: str = "", template: str = TEMPLATE) -> str:
        """A fresh database, a copy of the template; its name."""
        name = name or f"test_{next(self._numbers)}"
        self._run(
            "createdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "trackql",
            "--template", template, name,
        )  # fmt: skip
        return name

    def drop(self, name: str) -> None:
        """Remove a database, also under connections that are still open."""
        self._run(
            "dropdb", "-h", "127.0.0.1", "-p", str(self._port), "-U", "trackql", "--force", name
        )

    def stop(self) -> None:
        """End the server and remove its folder."""
        self._process.send_signal(2)  # fast shutdown: connections are closed, not waited for
        self._process.wait(30)
        shutil.rmtree(self._folder)

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        probe = [str(self._bin / "pg_isready"), "-h", "127.0.0.1", "-p", str(self._port), "--quiet"]
        while subprocess.run(probe, check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > deadline:
                self._process.kill()
                self._process.wait()
                raise RuntimeError(self._folder.joinpath("log").read_text())
            time.sleep(0.05)

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._bin / program, *arguments],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            user=self._user,
            group=self._group,
            extra_groups=self._groups,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} failed:\n{done.stdout}{done.stderr}")


def _binaries() -> Path:
    newest = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3])
    )
    found = newest[-1] if newest else shutil.which("postgres")
    if found is None:
        raise RuntimeError("no PostgreSQL is installed: run scripts/install, or test with --quick")
    return Path(found).resolve().parent


def _account() -> pwd.struct_passwd:
    accounts = {entry.pw_name: entry for entry in pwd.getpwall()}
    return accounts.get("postgres") or accounts["nobody"]
