"""The fixtures of every other test do what they say."""

import httpx
import pytest

from scripts.process import Server
from tests.client import GraphQL

CREATE = "mutation ($input: CreateExperimentInput!) { createExperiment(input: $input) { name } }"
NAMES = "{ experiments { nodes { name } } }"


async def test_each_test_has_a_database_of_its_own(graphql: GraphQL) -> None:
    assert {"name": "mine"} not in (await graphql(NAMES))["experiments"]["nodes"]
    assert (await graphql(CREATE, input={"name": "mine"}))["createExperiment"]["name"] == "mine"
    assert (await graphql.refused(CREATE, input={"name": "mine"}))["code"] == "ALREADY_EXISTS"


def test_a_server_comes_back_with_its_data(any_server: Server) -> None:
    url = f"{any_server.url}/graphql"
    made = {"query": CREATE, "variables": {"input": {"name": "kept"}}}
    assert "errors" not in httpx.post(url, json=made).json()
    first = any_server.pid
    any_server.kill()
    with pytest.raises(httpx.ConnectError):
        httpx.post(url, json={"query": NAMES})
    any_server.start()
    assert any_server.pid != first
    names = httpx.post(url, json={"query": NAMES}).json()["data"]["experiments"]["nodes"]
    assert {"name": "kept"} in names
