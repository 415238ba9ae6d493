"""dashboard/dist is what its source builds to."""

import shutil
import subprocess
from pathlib import Path

import pytest

DASHBOARD = Path(__file__).parents[2] / "dashboard"


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(file.relative_to(folder)): file.read_bytes()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.mark.slow
def test_the_built_dashboard_is_fresh(tmp_path: Path) -> None:
    copy = tmp_path / "dashboard"
    left_out = shutil.ignore_patterns("node_modules", "dist", "test-results")
    shutil.copytree(DASHBOARD, copy, ignore=left_out)
    shutil.copy(DASHBOARD.parent / "schema.graphql", tmp_path)
    copy.joinpath("node_modules").symlink_to(DASHBOARD / "node_modules")
    subprocess.run(["npm", "run", "--silent", "build"], cwd=copy, check=True, capture_output=True)
    built, kept = files(copy / "dist"), files(DASHBOARD / "dist")
    assert sorted(built) == sorted(kept), "run scripts/build"
    assert [name for name in kept if built[name] != kept[name]] == [], "run scripts/build"
