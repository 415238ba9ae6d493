"""What the guides show works."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from graphql import build_schema, parse, validate

from scripts.process import Server

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]


def examples(page: Path, language: str) -> list[str]:
    """The blocks of code in that language."""
    return re.findall(rf"(?ms)^```{language}\n(.*?)^```$", page.read_text())


@pytest.mark.parametrize(
    "document", [text for page in PAGES for text in examples(page, "graphql")], ids=lambda t: t[:30]
)
def test_a_graphql_example_fits_the_schema(document: str) -> None:
    schema = build_schema((ROOT / "schema.graphql").read_text())
    assert [error.message for error in validate(schema, parse(document))] == []


def test_the_readme_logs_and_asks(server: Server, tmp_path: Path) -> None:
    environment = {"TRACKQL_URL": server.url, "TRACKQL_SPOOL": str(tmp_path / "spool")}
    scripts = examples(ROOT / "README.md", "python")
    assert len(scripts) == 3
    for script in scripts:
        command = [sys.executable, "-c", script]
        subprocess.run(command, env={**os.environ, **environment}, check=True)
    [body] = re.findall(r"(?s)curl .*? -d '(.*?)'", (ROOT / "README.md").read_text())
    answer = httpx.post(f"{server.url}/graphql", json=json.loads(body)).json()
    kept, run = answer["data"]["experiments"]["nodes"][0]["runs"]["nodes"]
    assert (kept["name"], kept["status"]) == ("kept", "FINISHED")
    assert run == {
        "name": "first",
        "status": "FINISHED",
        "metrics": {"nodes": [{"key": "loss", "last": {"step": 999, "value": 0.001}}]},
    }


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text())
    assert [link for link in links if not (page.parent / link).exists()] == []
