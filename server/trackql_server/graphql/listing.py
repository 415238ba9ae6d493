"""How lists of runs are asked for: which, in what order, a page at a time."""

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import strawberry

from trackql_server import models
from trackql_server.domain import runs as domain
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


@strawberry.input(description="How runs are sorted; ties by id.")
class RunOrder:
    field: RunOrderField = strawberry.field(description="By what.")
    direction: SortDirection = strawberry.field(
        default=SortDirection.DESC, description="Which way."
    )


Statuses = Annotated[
    list[models.RunStatus] | None, strawberry.argument(description="Only with these statuses.")
]
Order = Annotated[
    RunOrder | None,
    strawberry.argument(description="How they are sorted; newest first if left out."),
]


if TYPE_CHECKING:
    from trackql_server.graphql.runs import Run

RunConnection = Connection[Annotated["Run", strawberry.lazy("trackql_server.graphql.runs")]]


async def found(
    info: Info, asked: domain.Filter, first: int, after: str | None, order: RunOrder | None
) -> Connection[models.Run]:
    """A page of runs as a connection."""
    ctx = info.context.ctx
    field = RunOrderField.START_TIME if order is None else order.field
    descending = order is None or order.direction is SortDirection.DESC
    paged = await domain.search(
        ctx, asked, page(first, after), str(field.value), descending=descending
    )
    return connection(paged, lambda: domain.count(ctx, asked))
