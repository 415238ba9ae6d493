"""Searching: what is asked of the server for a set of runs, and how its errors are shown."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from ._table import Column, Table
from .errors import InvalidFilter, InvalidInput, Unavailable

Ask = Callable[..., Any]
# What one answer has at most.
CELLS = 2_000_000
ROWS = 100_000
COLUMNS = 2_000
NAMED = 10_000
KEYS = 1_000
# What a question may name in all: columns times ids of experiments or runs.
NAMES = 150_000

KINDS = ("metrics", "params", "tags")

STATISTICS = ("n", "mean", "std", "min", "max", "median")
# `mean(metrics.loss) ASC`, as the columns are named; `runs` is their number.
_GROUP_ORDER = re.compile(r"\s*(?:(\w+)\s*\((.*)\)|runs)(?:\s+(ASC|DESC))?\s*", re.IGNORECASE)


class Scope(dict[str, Any]):
    """Which runs are meant, in the words of the server."""

    def __init__(
        self,
        experiments: Sequence[str] | None = None,
        filter: str | None = None,
        folder: str | None = None,
        lifecycle: str = "ACTIVE",
    ) -> None:
        if isinstance(experiments, str):
            raise InvalidInput(
                f"give a list of experiment ids: [{experiments!r}]", argument="experiment_ids"
            )
        super().__init__(
            experimentIds=None if experiments is None else [str(each) for each in experiments],
            filter=filter or None,
            folder=folder,
            lifecycle=lifecycle,
        )


def orders(order_by: Sequence[str] | None) -> list[dict[str, str]] | None:
    """What runs are sorted by, in the words of the server; newest first without."""
    if isinstance(order_by, str):
        raise InvalidInput(f"give a list: order_by=[{order_by!r}]", argument="order_by")
    return [{"by": each} for each in order_by] if order_by else None


def ask(ask: Ask, operation: str, **variables: Any) -> Any:
    """The answer; an error in what was written shows the place in it."""
    try:
        return ask(operation, **variables)
    except InvalidFilter as error:
        text = _meant(error.argument or "", variables)
        raise error if text is None else error.of(text) from None


def _meant(argument: str, variables: dict[str, Any]) -> str | None:
    """The text that an error speaks of: a filter, or one of several orders or fields."""
    name, *places = re.findall(r"\w+", argument) or [""]
    found = variables.get(name)
    if isinstance(found, list):
        place = next((int(each) for each in places if each.isdigit()), None)
        if place is None:
            place = 0 if len(found) == 1 else len(found)
        found = found[place] if place < len(found) else None
    if isinstance(found, dict):
        found = found.get("by") or found.get("measure")
    return found if isinstance(found, str) else None


def table(
    client: Ask,
    scope: Scope,
    columns: Sequence[str],
    order_by: Sequence[str] | None,
    most: int,
) -> Table:
    """Some fields of all runs of the scope, in as few requests as the server allows."""
    if isinstance(columns, str):
        raise InvalidInput(f"give a list: columns=[{columns!r}]", argument="columns")
    fields = [each for each in dict.fromkeys(columns) if each != "run_id"]
    width = min(COLUMNS, NAMES // max(1, len(scope["experimentIds"] or ())))
    found = Table(fields[:width])
    each = max(1, min(ROWS, CELLS // max(1, len(found.columns))))
    after: str | None = None
    while len(found) < most:
        page = ask(
            client,
            "run_table",
            **scope,
            columns=fields[:width],
            orderBy=orders(order_by),
            rows=min(each, most - len(found)),
            after=after,
        )
        found.extend(page)
        after = page["endCursor"]
        if not page["hasNextPage"]:
            break
    for start in range(width, len(fields), width):
        found.columns += _more(client, found.run_ids, fields[start : start + width])
    return found


def _more(client: Ask, run_ids: list[str], fields: list[str]) -> list[Column]:
    """Further fields of runs that are known already."""
    found = Table(fields)
    each = min(NAMED, NAMES // len(fields))
    for start in range(0, len(run_ids), each):
        named = run_ids[start : start + each]
        page = ask(client, "run_columns", runIds=named, columns=fields)
        if page["runIds"] != named:
            raise Unavailable("runs were deleted for good while they were read: ask again")
        found.extend(page)
    return found.columns


def keys(read: Ask, scope: Scope, most: int) -> dict[str, list[str]] | None:
    """Keys by kind that runs of the scope's experiments may have; None if more than `most`."""
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    waiting: dict[str, str | None] = dict.fromkeys(KINDS)
    while waiting:
        asked: dict[str, Any] = {kind: kind in waiting for kind in KINDS}
        after = {f"after{kind.title()}": cursor for kind, cursor in waiting.items()}
        place = {name: scope[name] for name in ("experimentIds", "folder")}
        pages = read("run_keys", {**place, "first": KEYS, **asked, **after})
        for kind, page in pages.items():
            found[kind] += [node["key"] for node in page["nodes"]]
            waiting[kind] = page["pageInfo"]["endCursor"]
            if not page["pageInfo"]["hasNextPage"]:
                del waiting[kind]
        if sum(map(len, found.values())) > most:
            return None
    return found


class Groups(list[dict[str, Any]]):
    """One row per group, fit for a data frame; `total` groups and `runs` there are in all."""

    def __init__(self, rows: list[dict[str, Any]], total: int, runs: int) -> None:
        super().__init__(rows)
        self.total = total
        self.runs = runs


def groups(
    client: Ask,
    scope: Scope,
    by: Sequence[str],
    measures: Sequence[str],
    order_by: str | None,
    first: int,
    offset: int,
) -> Groups:
    """Runs grouped by fields, with statistics of others."""
    for name, given in (("by", by), ("measures", measures)):
        if isinstance(given, str):
            raise InvalidInput(f"give a list: {name}=[{given!r}]", argument=name)
    found = ask(
        client,
        "run_groups",
        **scope,
        by=list(by),
        measures=list(measures),
        orderBy=_group_order(order_by),
        first=first,
        offset=offset,
    )
    rows = []
    for group in found["groups"]:
        row: dict[str, Any] = dict(zip(by, group["values"], strict=True))
        row["runs"] = group["runs"]
        for measure in group["measures"]:
            for statistic in STATISTICS:
                value = measure[statistic]
                if statistic != "n" and value is not None:
                    value = float(value)
                row[f"{statistic}({measure['field']})"] = value
        rows.append(row)
    return Groups(rows, found["totalCount"], found["runCount"])


def _group_order(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    match = _GROUP_ORDER.fullmatch(text)
    statistic = ((match and match[1]) or "mean").lower()
    if match is None or statistic not in STATISTICS:
        raise InvalidInput(
            f"order_by is 'runs' or a statistic ({', '.join(STATISTICS)}) of a measure, like"
            f" 'mean(metrics.loss) ASC', not {text!r}",
            argument="order_by",
        )
    order: dict[str, Any] = {"direction": (match[3] or "DESC").upper()}
    if match[2]:
        order |= {"measure": match[2].strip(), "statistic": statistic.upper()}
    return order
