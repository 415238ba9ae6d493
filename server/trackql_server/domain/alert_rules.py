"""Verbs about standing rules; `rules` looks after them."""

import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trackql_server.domain import access, words
from trackql_server.domain.context import Context
from trackql_server.errors import InvalidInput, NotFound
from trackql_server.models import AlertLevel, AlertRule, RuleKind
from trackql_server.store import alerts as store
from trackql_server.store import experiments as experiment_store
from trackql_server.store import paging

# Rules of a server: all of them are held in memory.
RULES = 1_000


class Comparator(StrEnum):
    """How a metric's values are compared."""

    LESS = "<"
    LESS_EQUAL = "<="
    GREATER = ">"
    GREATER_EQUAL = ">="


@dataclass(frozen=True)
class RuleSpec:
    """A rule as it is to be."""

    name: str
    kind: RuleKind
    experiment_id: str | None = None
    level: AlertLevel = AlertLevel.WARNING
    key: str | None = None
    comparator: Comparator | None = None
    bound: float | None = None
    patience: int | None = None
    enabled: bool = True


async def save(ctx: Context, rule_id: str | None, spec: RuleSpec) -> AlertRule:
    """A new rule, or with an id that one changed; a changed rule may alert of a run again.

    Raises InvalidInput, NotFound.
    """
    access.require_write(ctx.viewer)
    checked = _checked(spec)
    async with ctx.write() as work:
        if spec.experiment_id is not None:
            known = await experiment_store.by_ids(work.session, [spec.experiment_id])
            if not known:
                raise NotFound(f"there is no experiment {spec.experiment_id}")
        now = ctx.now()
        if rule_id is None:
            if await store.count_rules(work.session) >= RULES:
                raise InvalidInput(f"there are {RULES:,} rules already; delete some", argument="id")
            row = AlertRule(id=secrets.token_hex(8), created_at=now, updated_at=now, **checked)
        else:
            found = await store.rule(work.session, rule_id, lock=True)
            if found is None:
                raise NotFound(f"there is no alert rule {rule_id}")
            row = found
            for name, value in checked.items():
                setattr(row, name, value)
            row.updated_at = now
        work.session.add(row)
    await ctx.services.rules.refresh()
    return row


async def delete(ctx: Context, rule_id: str) -> None:
    """Forget a rule; what it raised stays. Raises NotFound."""
    access.require_write(ctx.viewer)
    async with ctx.write() as work:
        found = await store.rule(work.session, rule_id, lock=True)
        if found is None:
            raise NotFound(f"there is no alert rule {rule_id}")
        await work.session.delete(found)
    await ctx.services.rules.refresh()


async def get(ctx: Context, rule_id: str) -> AlertRule | None:
    """One rule; None when there is none."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.rule(session, rule_id)


async def listed(
    ctx: Context, experiment_id: str | None, page: paging.Page
) -> paging.Paged[AlertRule]:
    """A page of the rules that look after an experiment's runs, or (None) of all, by name."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await store.rule_page(session, experiment_id, page)


async def count(ctx: Context, experiment_id: str | None) -> int:
    """How many `listed` has in all."""
    access.require_read(ctx.viewer)
    async with ctx.read() as session:
        return await paging.count(session, store.rule_listing(experiment_id))


def _checked(spec: RuleSpec) -> dict[str, Any]:
    words.name(spec.name, "name")
    needed: dict[RuleKind, Sequence[str]] = {
        RuleKind.NAN: ("key",),
        RuleKind.THRESHOLD: ("key", "comparator", "bound"),
        RuleKind.NO_PROGRESS: ("key", "comparator", "patience"),
        RuleKind.STALLED: (),
    }
    wanted = needed[spec.kind]
    for name in ("key", "comparator", "bound", "patience"):
        given = getattr(spec, name)
        if given is None and name in wanted:
            raise InvalidInput(f"{name}: a rule of the kind {spec.kind} needs it", argument=name)
        if given is not None and name not in wanted:
            raise InvalidInput(f"{name}: a rule of the kind {spec.kind} has none", argument=name)
    if spec.key is not None:
        words.key(spec.key, "key")
    if spec.bound is not None and not math.isfinite(spec.bound):
        raise InvalidInput(
            "bound must be finite; use the kind NAN for what is not", argument="bound"
        )
    if spec.patience is not None and spec.patience < 1:
        raise InvalidInput("patience must be at least 1 step", argument="patience")
    strict = (Comparator.LESS, Comparator.GREATER)
    if spec.kind is RuleKind.NO_PROGRESS and spec.comparator not in strict:
        raise InvalidInput("comparator says what is better: LESS or GREATER", argument="comparator")
    return {
        "name": spec.name,
        "kind": spec.kind,
        "experiment_id": spec.experiment_id or "",
        "level": spec.level,
        "key": spec.key or "",
        "comparator": "" if spec.comparator is None else str(spec.comparator),
        "bound": spec.bound,
        "patience": spec.patience,
        "enabled": spec.enabled,
    }
