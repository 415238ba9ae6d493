"""How lists of runs are asked for: which, in what order, a page at a time."""

from collections.abc import Sequence
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from trackql_server import models
from trackql_server.domain import search as domain
from trackql_server.domain.search import Question, Where
from trackql_server.errors import InvalidFilter
from trackql_server.filters import order as filters
from trackql_server.filters.tree import conjunction
from trackql_server.graphql.conditions import RunFilter, read
from trackql_server.graphql.context import Info
from trackql_server.graphql.enums import row_enum
from trackql_server.graphql.paging import Connection, connection, page

RunStatus = row_enum(
    models.RunStatus,
    "Where a run is in its life.",
    SCHEDULED="Made, not begun.",
    RUNNING="Under way, and heard of.",
    STALLED="Under way by its own word, but its heartbeat has stopped.",
    FINISHED="Ended as it should.",
    FAILED="Ended by an error.",
    KILLED="Stopped from outside.",
)
Lifecycle = row_enum(
    models.Lifecycle,
    "Whether a thing is in use or in the trash.",
    ACTIVE="In use.",
    DELETED="In the trash.",
)


@strawberry.enum(description="Which things a list shows.")
class LifecycleFilter(Enum):
    ACTIVE = strawberry.enum_value("ACTIVE", description="Those in use.")
    DELETED = strawberry.enum_value("DELETED", description="Those in the trash.")
    ALL = strawberry.enum_value("ALL", description="Both.")

    @property
    def lifecycle(self) -> models.Lifecycle | None:
        """The one that is shown; None for both."""
        return None if self is LifecycleFilter.ALL else models.Lifecycle(self.value)


Lifecycles = Annotated[
    LifecycleFilter, strawberry.argument(description="In use, in the trash, or both.")
]


@strawberry.enum(description="What runs are sorted by.")
class RunOrderField(Enum):
    START_TIME = strawberry.enum_value("START_TIME", description="When they started.")
    NAME = strawberry.enum_value("NAME", description="Their name.")
    STATUS = strawberry.enum_value("STATUS", description="Their stored status.")
    DURATION = strawberry.enum_value(
        "DURATION", description="How long they took; running ones count as shortest."
    )


@strawberry.enum(description="Which way a list is sorted.")
class SortDirection(Enum):
    ASC = strawberry.enum_value("ASC", description="Least first.")
    DESC = strawberry.enum_value("DESC", description="Greatest first.")


@strawberry.input(
    description=(
        "What runs are sorted by: `field` or `by`. Runs that lack it come last in both directions,"
        " and before them those whose value is NaN."
    )
)
class RunOrder:
    field: RunOrderField | None = strawberry.field(default=None, description="One of the usual.")
    by: str | None = strawberry.field(
        default=None,
        description="A field of the filter language: `metrics.loss.min`, `params.lr DESC`.",
    )
    direction: SortDirection | None = strawberry.field(
        default=None,
        description="Which way; left out, DESC for `field`, and what `by` says or ASC.",
    )


Statuses = Annotated[
    list[models.RunStatus] | None, strawberry.argument(description="Only with these statuses.")
]
OrderBy = Annotated[
    list[RunOrder] | None,
    strawberry.argument(
        description="What they are sorted by, first things first; newest first if left out."
    ),
]
FilterText = Annotated[
    str | None,
    strawberry.argument(description="Only those that satisfy this filter, as text."),
]
WhereGiven = Annotated[
    RunFilter | None,
    strawberry.argument(description="Only those that satisfy this filter, as input."),
]
ExperimentIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description="Of these experiments; of all in use if nothing is named."),
]
Folder = Annotated[
    str | None,
    strawberry.argument(description="Of the experiment of this name and those within it."),
]
Whole = Annotated[
    bool,
    strawberry.argument(
        description="List the outermost runs of trees in which any run is found, in their order."
    ),
]


if TYPE_CHECKING:
    from trackql_server.graphql.runs import Run

RunConnection = Connection[Annotated["Run", strawberry.lazy("trackql_server.graphql.runs")]]


def where(
    experiment_ids: Sequence[str] | None = None,
    folder: str | None = None,
    lifecycle: LifecycleFilter = LifecycleFilter.ACTIVE,
    text: str | None = None,
    given: RunFilter | None = None,
    search: str | None = None,
    statuses: Sequence[models.RunStatus] | None = None,
) -> Where:
    """Which runs the arguments of a field mean. Raises InvalidFilter."""
    nodes = [read(given, text)]
    if search:
        nodes.append(domain.named(search))
    if statuses is not None:
        nodes.append(domain.with_status(statuses))
    return Where(experiment_ids, folder, lifecycle.lifecycle, conjunction(*nodes))


def orders(given: Sequence[RunOrder] | None) -> list[filters.Order]:
    """The orders of an argument. Raises InvalidFilter."""
    return domain.orders([_spelled(each) for each in given or ()])


def _spelled(order: RunOrder) -> str:
    direction = "" if order.direction is None else f" {order.direction.value}"
    if (order.by is None) == (order.field is None):
        raise InvalidFilter("give field or by", argument="orderBy")
    if order.by is None:
        assert order.field is not None
        return f"{str(order.field.value).lower()}{direction or ' DESC'}"
    said = order.by.strip()
    if direction and said.upper().endswith((" ASC", " DESC")):
        raise InvalidFilter("the direction is said twice; leave one out", argument="orderBy")
    return f"{order.by}{direction}"


async def listed(info: Info, question: Question, first: int, after: str | None) -> Any:
    """A page of runs as a connection."""
    ctx = info.context.ctx
    paged = await domain.page(ctx, question, page(first, after))
    return connection(paged, lambda: domain.count(ctx, question))
