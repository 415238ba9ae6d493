"""The verbs of datasets that a run used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from . import values
from ._spool import INPUTS
from .errors import InvalidInput, NotAvailable


class Inputs:
    """What a run does with datasets."""

    def _append(self, kind: int, payload: Any) -> None:
        raise NotImplementedError

    def log_input(
        self,
        dataset: Any = None,
        context: str | None = None,
        tags: Mapping[str, Any] | None = None,
        model: None = None,
        *,
        name: str | None = None,
    ) -> None:
        """Note a dataset that the run used: one of `trackql.data`, or the data itself."""
        if model is not None:
            raise NotAvailable("model: models are not stored by this release", argument="model")
        if dataset is not None:
            self._inputs([_input(dataset, context, tags, name)])

    def log_inputs(
        self,
        datasets: Sequence[Any] | None = None,
        contexts: Sequence[str | None] | None = None,
        tags_list: Sequence[Mapping[str, Any] | None] | None = None,
        models: None = None,
    ) -> None:
        """Note several datasets that the run used; the lists have the same length."""
        if models is not None:
            raise NotAvailable("models: models are not stored by this release", argument="models")
        given, what, labels = datasets or [], contexts or [], tags_list or []
        if not len(given) == len(what) == len(labels):
            raise InvalidInput(
                "datasets, contexts and tags_list must have the same length", argument="datasets"
            )
        self._inputs(
            [
                _input(dataset, context, tags)
                for dataset, context, tags in zip(given, what, labels, strict=True)
                if dataset is not None
            ]
        )

    def _inputs(self, entries: list[dict[str, Any]]) -> None:
        # One entry each: together the profiles of several could be more than a request may hold.
        for entry in entries:
            self._append(INPUTS, {"datasets": [entry]})


def log_input(
    dataset: Any = None,
    context: str | None = None,
    tags: Mapping[str, Any] | None = None,
    model: None = None,
    *,
    name: str | None = None,
) -> None:
    """Note that the active run used a dataset: one of `trackql.data`, or the data itself.

    That may be a frame, an array, a path or an address; `context` tells what for.
    """
    from .fluent import _current

    _current().log_input(dataset, context, tags, model, name=name)


def log_inputs(
    datasets: Sequence[Any] | None = None,
    contexts: Sequence[str | None] | None = None,
    tags_list: Sequence[Mapping[str, Any] | None] | None = None,
    models: None = None,
) -> None:
    """Note several datasets that the active run used; the lists have the same length."""
    from .fluent import _current

    _current().log_inputs(datasets, contexts, tags_list, models)


def _input(
    dataset: Any, context: str | None, tags: Mapping[str, Any] | None, name: str | None = None
) -> dict[str, Any]:
    from . import data

    entry = data.made(dataset, name)
    if context is not None:
        entry["context"] = values.name(context, "context")
    if tags:
        entry["tags"] = [
            {"key": values.key(key), "value": values.text(f"tag {key!r}", value)}
            for key, value in tags.items()
        ]
    return entry
