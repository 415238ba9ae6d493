"""Labels as rows: made with the first run that uses a key."""

from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql, sqlite

from trackql_server.models import Label, LabelKind
from trackql_server.models.columns import table_of
from trackql_server.models.numbers import label_id

LABEL = table_of(Label)


class Labels:
    """The labels of one kind that a transaction uses; `store` makes those that are not there."""

    def __init__(self, kind: LabelKind) -> None:
        self._kind = kind
        self._used: dict[int, tuple[str, str]] = {}

    def add(self, experiment_id: str, key: str) -> int:
        """The number of a key, which `store` will see to."""
        number = label_id(experiment_id, self._kind, key)
        self._used[number] = (experiment_id, key)
        return number

    def store(self, connection: Connection) -> None:
        """Make the labels that are missing, in an order in which no two transactions deadlock."""
        if not self._used:
            return
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        connection.execute(
            dialect.insert(LABEL).on_conflict_do_nothing(),
            [
                {"id": number, "experiment_id": experiment_id, "kind": str(self._kind), "key": key}
                for number, (experiment_id, key) in sorted(self._used.items())
            ],
        )
