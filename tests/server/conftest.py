"""What the server's tests share: properties that are the same on every run, and open services."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from trackql_server.domain.context import Services

settings.register_profile(
    "steady",
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("steady")


@pytest.fixture
async def services(database_url: str) -> AsyncIterator[Services]:
    """The services of a server on a database of each kind in turn."""
    opened = await Services.open(database_url)
    yield opened
    await opened.close()
