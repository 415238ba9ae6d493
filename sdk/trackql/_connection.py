"""A client's way to one server."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

from . import _session, config
from ._transport import connect
from .errors import NotAvailable


class Connection:
    """Asks one server; reads wait for what this process has logged to it."""

    def __init__(self, tracking_uri: str | None = None, registry_uri: str | None = None) -> None:
        if registry_uri is not None:
            raise NotAvailable("this release has no model registry: leave registry_uri out")
        self.url = (tracking_uri or config.url()).rstrip("/")
        self._transport = connect(self.url)

    @property
    def tracking_uri(self) -> str:
        return self.url

    def close(self) -> None:
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, operation: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Every field of an answer."""
        return self._transport.execute(operation, variables)

    def _ask(self, operation: str, **variables: Any) -> Any:
        """The one field of a query or mutation."""
        return next(iter(self._read(operation, variables).values()))

    def _change(self, operation: str, **fields: Any) -> Any:
        return self._ask(operation, input=fields)

    def _settle(self, run_ids: Iterable[str] | None = None) -> None:
        """Let the server have what this process logged, so that a read finds it."""
        wanted = None if run_ids is None else set(run_ids)
        session = _session.session
        lanes = [
            lane
            for lane in list(session.sender.lanes)
            if lane.route.url == self.url and (wanted is None or lane.run_id in wanted)
        ]
        session.flush(lanes)
