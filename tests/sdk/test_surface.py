"""The public face: its names, how light it is to import, and that its documents are used."""

import ast
import subprocess
import sys
from pathlib import Path

import trackql
from trackql import config, errors

PACKAGE = Path(trackql.__file__).parent
HEAVY = ("asyncio", "gql", "graphql", "http", "httpx", "json", "numpy", "rich", "typer", "trackql")


def test_names_are_sorted_and_there() -> None:
    assert trackql.__all__ == sorted(trackql.__all__)
    assert len(set(trackql.__all__)) == len(trackql.__all__)
    for name in trackql.__all__:
        assert getattr(trackql, name) is not None
    assert set(trackql.__all__) <= set(dir(trackql))


def test_importing_it_imports_nothing_heavy() -> None:
    assert loaded_by("import trackql") & set(HEAVY) == {"trackql"}


def test_packages_for_tables_are_imported_when_a_table_is_asked_for() -> None:
    tables = {"numpy", "pandas", "polars", "pyarrow", "gql"}
    assert loaded_by("from trackql import Client, runs_table") & tables == set()


def loaded_by(statement: str) -> set[str]:
    """The packages that a statement imports in a fresh process."""
    source = f"import sys; old = set(sys.modules); {statement}; print(*set(sys.modules) - old)"
    done = subprocess.run(
        [sys.executable, "-S", "-c", source],
        env={"PYTHONPATH": str(PACKAGE.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {name.partition(".")[0] for name in done.stdout.split()}


def test_every_operation_is_used_and_every_use_has_one() -> None:
    files = {path.stem for path in (PACKAGE / "_operations").iterdir()}
    text = "".join(
        node.value + "\n"
        for file in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ).splitlines()
    used = set(text) | {f"run_{noun}" for noun in ("params", "tags", "metrics")}
    assert files <= used


def test_errors_are_one_family_with_codes_of_their_own() -> None:
    assert errors.__doc__ is not None
    kinds = [getattr(errors, name) for name in errors.__all__ if name[0].isupper()]
    assert all(issubclass(kind, errors.TrackqlError) for kind in kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)
    assert all(kind.__name__ in errors.__doc__ for kind in kinds)
    assert errors.__all__ == sorted(errors.__all__)
    again = errors.from_code("SEQUENCE_GAP", "behind", {"code": "SEQUENCE_GAP", "expected": 7})
    assert isinstance(again, errors.SequenceGap)
    assert again.expected == 7
    unknown = errors.from_code("NEW_CODE", "what", {})
    assert isinstance(unknown, errors.ServerError)
    assert unknown.code == "NEW_CODE"


def test_every_variable_is_listed_with_help() -> None:
    listed = {variable.name for variable in config.VARIABLES}
    there = {value.name for value in vars(config).values() if isinstance(value, config.Variable)}
    assert listed == there
    assert all(variable.help.endswith(".") for variable in config.VARIABLES)
    assert sorted(listed) == [variable.name for variable in config.VARIABLES]
