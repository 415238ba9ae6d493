"""Alerts and the rules that raise them: types, queries, mutations, and as they are raised."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import strawberry

from trackql_server import models
from trackql_server.domain import alert_rules as rules
from trackql_server.domain import alerts as domain
from trackql_server.domain.alert_rules import Comparator, RuleSpec
from trackql_server.domain.alerts import NewAlert, Which
from trackql_server.graphql.context import Info
from trackql_server.graphql.enums import row_enum
from trackql_server.graphql.paging import After, Connection, First, Given, connection, page
from trackql_server.graphql.scalars import Int64, MetricValue

if TYPE_CHECKING:
    from trackql_server.graphql.runs import Run

RunRow = strawberry.Parent[models.Run]
AlertRow = strawberry.Parent[models.Alert]
RuleRow = strawberry.Parent[models.AlertRule]

AlertLevel = row_enum(
    models.AlertLevel,
    "How bad it is.",
    called="AlertLevel",
    INFO="Good to know.",
    WARNING="Somebody should look.",
    ERROR="Something is broken.",
)
RuleKind = row_enum(
    models.RuleKind,
    "What a rule looks for.",
    called="AlertRuleKind",
    NAN="A point of a metric that is NaN or infinite.",
    THRESHOLD="A point of a metric beyond a bound.",
    NO_PROGRESS="A metric that has had no better value for many steps.",
    STALLED="A running run whose heartbeat has stopped.",
)
row_enum(
    Comparator,
    "How a metric's values are compared.",
    called="AlertComparator",
    LESS="Less than.",
    LESS_EQUAL="Less than or equal to.",
    GREATER="Greater than.",
    GREATER_EQUAL="Greater than or equal to.",
)


@strawberry.type(description="Something that somebody should know of a run.")
class Alert:
    id: strawberry.ID = strawberry.field(description="Made by who raised it.")
    run_id: strawberry.ID = strawberry.field(description="The run.")
    experiment_id: strawberry.ID = strawberry.field(description="The run's experiment.")
    level: models.AlertLevel = strawberry.field(description="How bad it is.")
    title: str = strawberry.field(description="What happened; of a rule's alert, its name.")
    text: str = strawberry.field(description="What there is to say of it.")
    step: Int64 | None = strawberry.field(description="At which step, if it is of one.")
    created_at: datetime = strawberry.field(description="When it was raised.")

    @strawberry.field(description="The rule that raised it; null when the script did.")
    @staticmethod
    def rule_id(root: AlertRow) -> strawberry.ID | None:
        return strawberry.ID(root.rule_id) if root.rule_id else None

    @strawberry.field(description="The metric that it is of, if it is of one.")
    @staticmethod
    def key(root: AlertRow) -> str | None:
        return root.key or None

    @strawberry.field(
        graphql_type=Annotated["Run", strawberry.lazy("trackql_server.graphql.runs")] | None,
        description="The run.",
    )
    @staticmethod
    async def run(root: AlertRow, info: Info) -> models.Run | None:
        return await info.context.runs.load(root.run_id)


@strawberry.type(description="What is looked for in new points and in runs under way.")
class AlertRule:
    id: strawberry.ID = strawberry.field(description="Never changes.")
    name: str = strawberry.field(description="The title of its alerts.")
    kind: models.RuleKind = strawberry.field(description="What it looks for.")
    level: models.AlertLevel = strawberry.field(description="How bad it is.")
    bound: MetricValue | None = strawberry.field(description="What values are compared with.")
    patience: Int64 | None = strawberry.field(description="Steps that it waits for progress.")
    enabled: bool = strawberry.field(description="Whether it is looked after.")
    created_at: datetime = strawberry.field(description="When it was made.")
    updated_at: datetime = strawberry.field(
        description="When it was last saved; from then on it may alert of a run once more."
    )

    @strawberry.field(description="The experiment whose runs it is about; null for every one.")
    @staticmethod
    def experiment_id(root: RuleRow) -> strawberry.ID | None:
        return strawberry.ID(root.experiment_id) if root.experiment_id else None

    @strawberry.field(description="The metrics it is about, where `*` stands for any text.")
    @staticmethod
    def key(root: RuleRow) -> str | None:
        return root.key or None

    @strawberry.field(
        description="How values are compared; for NO_PROGRESS which of two is better."
    )
    @staticmethod
    def comparator(root: RuleRow) -> Comparator | None:
        return Comparator(root.comparator) if root.comparator else None


@strawberry.type
class RunAlerts:
    @strawberry.field(graphql_type=Connection[Alert], description="Its alerts, newest first.")
    @staticmethod
    async def alerts(
        root: RunRow, info: Info, first: First = 50, after: After = None
    ) -> Connection[models.Alert]:
        ctx = info.context.ctx
        paged = await domain.of_run(ctx, root, page(first, after))
        return connection(paged, lambda: domain.count_of_run(ctx, root))


ExperimentIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description="Of runs of these experiments; of all if left out."),
]
RunIds = Annotated[
    list[strawberry.ID] | None,
    strawberry.argument(description="Of these runs; of all if left out."),
]
ExperimentId = Annotated[
    strawberry.ID | None,
    strawberry.argument(
        description="Those about its runs, among them those for every one; all if left out."
    ),
]


@strawberry.type
class AlertQuery:
    @strawberry.field(graphql_type=Connection[Alert], description="Alerts, newest first.")
    async def alerts(
        self,
        info: Info,
        experiment_ids: ExperimentIds = None,
        run_ids: RunIds = None,
        levels: Annotated[
            list[models.AlertLevel] | None, strawberry.argument(description="Of these levels.")
        ] = None,
        first: First = 50,
        after: After = None,
    ) -> Connection[models.Alert]:
        ctx, which = info.context.ctx, Which(experiment_ids, run_ids, levels)
        paged = await domain.listed(ctx, which, page(first, after))
        return connection(paged, lambda: domain.count(ctx, which))

    @strawberry.field(graphql_type=Connection[AlertRule], description="Standing rules, by name.")
    async def alert_rules(
        self,
        info: Info,
        experiment_id: ExperimentId = None,
        first: First = 100,
        after: After = None,
    ) -> Connection[models.AlertRule]:
        ctx = info.context.ctx
        paged = await rules.listed(ctx, experiment_id, page(first, after))
        return connection(paged, lambda: rules.count(ctx, experiment_id))

    @strawberry.field(
        graphql_type=AlertRule | None, description="One rule; null when there is none."
    )
    async def alert_rule(
        self,
        info: Info,
        id: Annotated[strawberry.ID, strawberry.argument(description="Its id.")],
    ) -> models.AlertRule | None:
        return await rules.get(info.context.ctx, id)


@strawberry.input(description="An alert to raise.")
class RaiseAlertInput:
    run_id: strawberry.ID = strawberry.field(description="The run.")
    id: strawberry.ID = strawberry.field(
        description=(
            "1 to 64 letters, digits, - or _ made by the client: raised once however often it is"
            " sent."
        )
    )
    title: str = strawberry.field(description="What happened; 1 to 500 characters.")
    text: str = strawberry.field(
        default="", description="What there is to say of it; at most 10,000 characters."
    )
    level: models.AlertLevel = strawberry.field(
        default=models.AlertLevel.WARNING, description="How bad it is."
    )
    key: str = strawberry.field(default="", description="The metric that it is of, if of one.")
    step: Int64 | None = strawberry.field(default=None, description="The step that it is of.")
    time: datetime | None = strawberry.field(default=None, description="When; now when left out.")


@strawberry.input(description="A rule to save.")
class SaveAlertRuleInput:
    name: str = strawberry.field(description="The title of its alerts.")
    kind: models.RuleKind = strawberry.field(description="What it looks for.")
    id: strawberry.ID | None = strawberry.field(
        default=None, description="The rule that changes; a new one when left out."
    )
    experiment_id: strawberry.ID | None = strawberry.field(
        default=None, description="The experiment whose runs it is about; null for every one."
    )
    level: models.AlertLevel = strawberry.field(
        default=models.AlertLevel.WARNING, description="How bad it is."
    )
    key: str | None = strawberry.field(
        default=None,
        description="The metrics it is about, where `*` stands for any text; not for STALLED.",
    )
    comparator: Comparator | None = strawberry.field(
        default=None,
        description="For THRESHOLD; for NO_PROGRESS which of two values is better.",
    )
    bound: MetricValue | None = strawberry.field(
        default=None, description="For THRESHOLD: what values are compared with."
    )
    patience: Int64 | None = strawberry.field(
        default=None, description="For NO_PROGRESS: steps without a better value; at least 1."
    )
    enabled: bool = strawberry.field(default=True, description="Whether it is looked after.")


@strawberry.input(description="An alert rule.")
class AlertRuleIdInput:
    id: strawberry.ID = strawberry.field(description="Which.")


@strawberry.type(description="A rule that is gone.")
class DeletedAlertRule:
    id: strawberry.ID = strawberry.field(description="Its id.")


@strawberry.type
class AlertMutation:
    @strawberry.mutation(graphql_type=Alert, description="Raise an alert on a run.")
    async def raise_alert(self, info: Info, input: Given[RaiseAlertInput]) -> models.Alert:
        new = NewAlert(
            input.id, input.title, input.text, input.level, input.key, input.step, input.time
        )
        return await domain.raise_alert(info.context.ctx, input.run_id, new)

    @strawberry.mutation(
        graphql_type=AlertRule,
        description=(
            "Save a rule, new or changed. It raises at most one alert of a run, and of each metric"
            " of it that it is about."
        ),
    )
    async def save_alert_rule(
        self, info: Info, input: Given[SaveAlertRuleInput]
    ) -> models.AlertRule:
        spec = RuleSpec(
            input.name,
            input.kind,
            input.experiment_id,
            input.level,
            input.key,
            input.comparator,
            input.bound,
            input.patience,
            input.enabled,
        )
        return await rules.save(info.context.ctx, input.id, spec)

    @strawberry.mutation(description="Forget a rule; the alerts that it raised stay.")
    async def delete_alert_rule(
        self, info: Info, input: Given[AlertRuleIdInput]
    ) -> DeletedAlertRule:
        await rules.delete(info.context.ctx, input.id)
        return DeletedAlertRule(id=input.id)


@strawberry.type
class AlertSubscription:
    @strawberry.subscription(
        graphql_type=AsyncGenerator[list[Alert], None],
        description=(
            "Alerts as they are raised: of runs of these experiments, and of these runs; of all if"
            " neither is named."
        ),
    )
    async def alerts_raised(
        self, info: Info, experiment_ids: ExperimentIds = None, run_ids: RunIds = None
    ) -> AsyncGenerator[Any, None]:
        events = domain.follow(info.context.ctx, experiment_ids, run_ids)
        async with aclosing(events):
            async for alerts in events:
                yield alerts
