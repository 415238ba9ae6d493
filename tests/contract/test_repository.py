"""What the repository promises of itself: its files speak of it alone and say what is true."""

import os
import re
import subprocess
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from trackql import config
from trackql_server.settings import Settings

ROOT = Path(__file__).parents[2]

# Written in two parts, so that this file itself keeps the rule.
REGISTRIES = [
    "".join(parts)
    for parts in (
        ("pypi", ".org"),
        ("pythonhosted", ".org"),
        ("npm", "js.org"),
        ("registry.yarn", "pkg.com"),
        ("deb.debian", ".org"),
    )
]
MACHINES = [
    "/".join(("", *parts)) for parts in (("work", "main"), ("home", "runner"), ("root", ""))
]


def tracked() -> list[Path]:
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def mentions(words: list[str]) -> list[str]:
    """Each file and word found in it."""
    pattern = re.compile("|".join(map(re.escape, words)).encode())
    return [
        f"{file.relative_to(ROOT)}: {found.group().decode()}"
        for file in tracked()
        for found in pattern.finditer(file.read_bytes())
    ]


def headings(page: str) -> set[str]:
    """The headings of a page of the documentation, without their marks."""
    lines = (ROOT / "docs" / page).read_text().splitlines()
    return {line.lstrip("#").strip().replace("`", "") for line in lines if line.startswith("#")}


def test_no_file_names_a_registry() -> None:
    assert mentions(REGISTRIES) == []


def test_no_file_names_a_place_on_one_machine() -> None:
    assert mentions(MACHINES) == []


@pytest.mark.parametrize(
    "lock", sorted(ROOT.glob("scripts/requirements/*.txt")), ids=lambda p: p.name
)
def test_every_locked_package_has_hashes(lock: Path) -> None:
    packages = re.findall(r"(?m)^\S+==(?:[^\\\n]|\\\n)*", lock.read_text())
    assert len(packages) > 20
    assert [package for package in packages if "--hash=sha256:" not in package] == []


def test_both_locks_agree() -> None:
    everything = pins(ROOT / "scripts/requirements/all.txt")
    quickstart = pins(ROOT / "scripts/requirements/quickstart.txt")
    assert quickstart < everything


def pins(lock: Path) -> set[str]:
    return set(re.findall(r"(?m)^\S+==\S+", lock.read_text()))


def test_every_script_is_executable() -> None:
    scripts = [file for file in ROOT.glob("scripts/*") if file.is_file() and not file.suffix]
    assert {script.name for script in scripts} == {
        *("bench", "build", "check", "install", "quickstart", "schema", "test")
    }
    assert [script.name for script in scripts if not os.access(script, os.X_OK)] == []


def test_the_architecture_names_files_that_exist() -> None:
    text = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([\w.-]*/[\w./-]*|\w+\.(?:graphql|toml|md))`", text))
    assert len(named) > 25
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


def test_every_setting_has_its_heading() -> None:
    server = {f"TRACKQL_{name.upper()}" for name in Settings.model_fields}
    sdk = {variable.name for variable in config.VARIABLES}
    found = {heading for heading in headings("settings.md") if heading.startswith("TRACKQL_")}
    assert found == server | sdk


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_of_the_server_has_its_default_in_the_docs(name: str) -> None:
    default = Settings.model_fields[name].default
    told = section("settings.md", f"`TRACKQL_{name.upper()}`")
    if default is False:
        assert "Default off." in told
    elif isinstance(default, int | float):
        spellings = {f"{default:,}", f"{default:g}", f"{default / 2**20:g} MiB"}
        assert any(spelling in told for spelling in spellings)
    else:
        assert str(default or "") in told


def section(page: str, heading: str) -> str:
    """What stands under a heading."""
    return (ROOT / "docs" / page).read_text().split(f"# {heading}\n")[1].split("\n#")[0]


def test_every_command_has_its_heading() -> None:
    root = get_command(import_module("trackql.cli").app)
    found = {heading for heading in headings("commands.md") if heading.startswith("trackql ")}
    assert found == set(commands("trackql", root))


def commands(path: str, command: Any) -> list[str]:
    """The full names of all commands below this one that do something."""
    context = typer.Context(command)
    names = command.list_commands(context) if hasattr(command, "list_commands") else []
    if not names:
        return [path]
    return [
        full
        for name in names
        for full in commands(f"{path} {name}", command.get_command(context, name))
    ]


def test_every_public_name_of_the_sdk_has_its_heading() -> None:
    names = set(import_module("trackql").__all__)
    missing = {name for name in names if not any(name in found for found in sdk_names())}
    assert missing == set()


def sdk_names() -> list[set[str]]:
    """The names in each heading of the SDK's page; a heading may have several."""
    return [set(re.findall(r"\w+", heading)) for heading in headings("sdk.md")]
