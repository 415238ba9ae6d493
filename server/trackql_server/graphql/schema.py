"""Merges the nouns into Query, Mutation and Subscription."""

from datetime import UTC, datetime
from importlib.metadata import version

import strawberry
from strawberry.schema.config import StrawberryConfig

from trackql_server.graphql.alerts import AlertMutation, AlertQuery, AlertSubscription
from trackql_server.graphql.artifacts import ArtifactMutation, ArtifactQuery
from trackql_server.graphql.console import ConsoleMutation, ConsoleSubscription
from trackql_server.graphql.datasets import DatasetMutation, DatasetQuery
from trackql_server.graphql.experiments import ExperimentMutation, ExperimentQuery
from trackql_server.graphql.facets import FacetQuery
from trackql_server.graphql.facts import FactMutation
from trackql_server.graphql.galleries import GalleryQuery
from trackql_server.graphql.groups import GroupQuery
from trackql_server.graphql.live import LiveSubscription
from trackql_server.graphql.metrics import MetricMutation, MetricQuery
from trackql_server.graphql.purge import PurgeMutation
from trackql_server.graphql.requests import (
    RequestMutation,
    RequestQuery,
    RequestSubscription,
)
from trackql_server.graphql.runs import RunMutation, RunQuery
from trackql_server.graphql.saved import SavedViewMutation, SavedViewQuery
from trackql_server.graphql.scalars import SCALARS
from trackql_server.graphql.tables import TableQuery
from trackql_server.graphql.values import ValueMutation

RELEASE = version("trackql")


@strawberry.type(description="The server that answers.")
class Server:
    version: str = strawberry.field(description="Its release.")
    time: datetime = strawberry.field(description="Its clock.")


@strawberry.type(description="What can be asked.")
class Query(
    ExperimentQuery,
    RunQuery,
    TableQuery,
    FacetQuery,
    GroupQuery,
    MetricQuery,
    SavedViewQuery,
    DatasetQuery,
    ArtifactQuery,
    GalleryQuery,
    RequestQuery,
    AlertQuery,
):
    @strawberry.field(description="The server that answers.")
    def server(self) -> Server:
        return Server(version=RELEASE, time=datetime.now(UTC))


@strawberry.type(description="What can be changed.")
class Mutation(
    ExperimentMutation,
    RunMutation,
    MetricMutation,
    ArtifactMutation,
    SavedViewMutation,
    DatasetMutation,
    ValueMutation,
    RequestMutation,
    AlertMutation,
    ConsoleMutation,
    FactMutation,
    PurgeMutation,
):
    pass


@strawberry.type(description="What can be followed live.")
class Subscription(LiveSubscription, RequestSubscription, AlertSubscription, ConsoleSubscription):
    pass


def build_schema() -> strawberry.Schema:
    """The schema that `scripts/schema` prints."""
    return strawberry.Schema(
        query=Query,
        mutation=Mutation,
        subscription=Subscription,
        config=StrawberryConfig(scalar_map=SCALARS),
    )
