"""The wheel holds everything that it needs, and its base is enough for the SDK alone."""

import subprocess
import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [
        sys.executable,
        "-m",
        "hatchling",
        "build",
        "--target",
        "wheel",
        "--directory",
        str(folder),
    ]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [built] = folder.glob("trackql-*.whl")
    return built


@pytest.fixture(scope="module")
def base(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its base dependencies, and nothing else; its programs."""
    home = tmp_path_factory.mktemp("base")
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    programs = home / "bin"
    install = [
        str(programs / "python"),
        "-m",
        "pip",
        "install",
        "--no-deps",
        "--no-index",
        str(wheel),
    ]
    subprocess.run(install, check=True, capture_output=True)
    [packages] = home.glob("lib/python*/site-packages")
    for name in needed("trackql"):
        lend(name, packages)
    return programs


def needed(name: str) -> set[str]:
    """The distributions that this one cannot do without, taken from this environment."""
    found: set[str] = set()
    waiting = [Requirement(name)]
    while waiting:
        wanted = waiting.pop()
        for line in metadata.requires(wanted.name) or []:
            part = Requirement(line)
            extras = wanted.extras or {""}
            if any(not part.marker or part.marker.evaluate({"extra": e}) for e in extras):
                found.add(part.name)
                waiting.append(part)
    return found


def lend(name: str, packages: Path) -> None:
    """Link the files of an installed distribution into another environment."""
    distribution = metadata.distribution(name)
    for part in {file.parts[0] for file in distribution.files or [] if file.parts[0] != ".."}:
        place = packages / part
        if part != "__pycache__" and not place.exists():
            place.symlink_to(str(distribution.locate_file(part)))


def run(*command: str | Path) -> Iterator[str]:
    """The lines that a program prints, on either stream; the exit code comes first."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    yield str(done.returncode)
    yield from (done.stdout + done.stderr).splitlines()


def test_the_wheel_holds_dashboard_schema_migrations_and_documents(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    for folder, package in (("server", "trackql_server"), ("sdk", "trackql")):
        for suffix in ("py", "graphql", "typed"):
            for file in (ROOT / folder / package).rglob(f"*.{suffix}"):
                assert str(file.relative_to(ROOT / folder)) in names
    for file in (ROOT / "dashboard" / "dist").rglob("*"):
        if file.is_file():
            kept = file.relative_to(ROOT / "dashboard" / "dist")
            assert f"trackql_server/_dashboard/{kept}" in names
    assert "trackql_server/_dashboard/index.html" in names
    assert "trackql_server/schema.graphql" in names
    assert any(name.startswith("trackql_server/store/migrations/versions/0001") for name in names)
    assert {name.split("/")[0] for name in names if "dist-info" not in name} == {
        "trackql",
        "trackql_server",
    }


def test_the_sdk_works_without_the_server(base: Path) -> None:
    script = (
        "import sys, trackql; trackql.set_experiment('x');"
        "run = trackql.start_run(); trackql.log_metrics({'loss': 1.0}, step=0);"
        "print(sorted(sys.modules.keys() & {'numpy', 'strawberry', 'sqlalchemy', 'starlette'}))"
    )
    environment = {"TRACKQL_URL": "http://127.0.0.1:9", "TRACKQL_FLUSH_TIMEOUT": "0.1"}
    done = subprocess.run(
        [base / "python", "-c", script],
        env={**environment, "TRACKQL_SPOOL": str(base.parent / "spool"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"


def test_the_server_command_says_what_to_install(base: Path) -> None:
    code, *lines = run(base / "trackql", "server")
    assert code != "0"
    assert "pip install 'trackql[server]'" in " ".join(lines)
    assert "Traceback" not in " ".join(lines)
