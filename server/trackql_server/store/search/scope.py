"""Which runs are looked over, and what a filter's words mean at this moment."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from sqlalchemy import ColumnElement, Table, and_, false, true
from sqlalchemy.sql.selectable import FromClause

from trackql_server.models import LabelKind, Lifecycle, Run
from trackql_server.models.columns import table_of
from trackql_server.models.numbers import label_id
from trackql_server.store.listed import one_of

RUN = table_of(Run)


@dataclass(frozen=True, slots=True)
class Scope:
    """The runs of some experiments, in use or in the trash or (None) both.

    `now` is what ages and durations are counted from; a running run not heard of since
    `alive_since` is STALLED.
    """

    experiment_ids: Sequence[str]
    lifecycle: Lifecycle | None
    now: datetime
    alive_since: datetime

    def labels(self, kind: LabelKind, key: str) -> list[int]:
        """The numbers of a key in the experiments looked over."""
        return [label_id(each, kind, key) for each in self.experiment_ids]

    def holds(self, run: FromClause) -> ColumnElement[bool]:
        """Whether a run is one of those looked over."""
        if not self.experiment_ids:
            return false()
        within = one_of(run.c.experiment_id, self.experiment_ids)
        return within if self.lifecycle is None else and_(within, self.in_use(run))

    def in_use(self, run: FromClause) -> ColumnElement[bool]:
        """Whether a run of the experiments has the lifecycle that is looked for."""
        if self.lifecycle is None:
            return true()
        found: ColumnElement[bool] = run.c.lifecycle == self.lifecycle
        return found


@lru_cache(maxsize=1_000)
def alias(table: Table, name: str) -> FromClause:
    """A table under another name; remembered, because SQLAlchemy copies its columns each time."""
    return table.alias(name)


def runs(name: str = "r") -> FromClause:
    """The table of runs under a name of its own."""
    return alias(RUN, name)
