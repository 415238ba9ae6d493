"""Looks after the standing rules: new points, series without progress, runs that went silent.

The rules are held in memory. Of what was committed only the points that a rule is about are kept,
and they are looked at behind the commit, by a task of its own. An alert's id follows from the rule,
the run and the key, so that every replica may raise it and it is raised once.
"""

import asyncio
import contextlib
import logging
import operator
import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from trackql_server.domain import alerts
from trackql_server.domain.alerts import NewAlert
from trackql_server.domain.stalls import LOOK_EVERY
from trackql_server.models import AlertRule, MetricSeries, RuleKind
from trackql_server.models.columns import millis
from trackql_server.store import alerts as store
from trackql_server.store import metrics as metric_store
from trackql_server.store import runs as run_store
from trackql_server.store.append import Appended

if TYPE_CHECKING:
    from trackql_server.domain.context import Services

log = logging.getLogger(__name__)

# Rules that another replica changed are known this much later.
REFRESH_EVERY = 30.0

# Summaries of series that grow all the time are read this often.
SUMMARIES_EVERY = 0.5
SERIES_A_READ = 500

# Points that wait to be looked at (24 MB); beyond them series are judged by their summaries.
POINTS = 1_000_000
THREAD_POINTS = 50_000

# Alerts and matches remembered, so that nothing is done twice; forgotten, it is only slower.
REMEMBERED = 100_000

# How far back the first look for silent runs goes.
FIRST_LOOK = timedelta(hours=1)

COMPARE: Mapping[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}
POINTWISE = (RuleKind.NAN, RuleKind.THRESHOLD)

Place = tuple[str, str]  # a run and a key
Mark = tuple[str, datetime, str, str]  # a rule as it is, a run and a key


@dataclass(frozen=True, slots=True)
class Finding:
    """That a rule holds of a run, and what to say of it."""

    rule: AlertRule
    run_id: str
    text: str
    key: str = ""
    step: int | None = None

    @property
    def mark(self) -> Mark:
        """What it is remembered by."""
        return _mark(self.rule, self.run_id, self.key)

    @property
    def id(self) -> str:
        """The same on every replica, and another once the rule is changed."""
        at = millis(self.rule.updated_at)
        text = f"{self.rule.id}\0{at}\0{self.run_id}\0{self.key}"
        return blake2b(text.encode(), digest_size=16).hexdigest()


class Rules:
    """The rules in memory, and the task that looks after them.

    `watching` is whether any rule is about points: all that ingest asks when there is none.
    """

    def __init__(self, services: "Services") -> None:
        self._services = services
        self.watching = False
        self._rules: dict[str, list[AlertRule]] = {}  # about points, by experiment
        self._stalled: list[AlertRule] = []
        self._matching: dict[tuple[str, str], tuple[AlertRule, ...]] = {}
        self._raised: OrderedDict[Mark, None] = OrderedDict()
        self._pending: list[tuple[Appended, list[AlertRule]]] = []
        self._points = 0
        self._summaries: dict[Place, dict[str, AlertRule]] = {}  # to be judged by, by their ids
        self._looked: datetime | None = None
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._task = asyncio.create_task(self._work(), name="alert rules")

    async def refresh(self) -> None:
        """Learn of rules that were made, changed or deleted."""
        async with self._services.database.read() as session:
            rules = await store.enabled_rules(session)
        by_experiment: dict[str, list[AlertRule]] = {}
        for rule in rules:
            if rule.kind is not RuleKind.STALLED:
                by_experiment.setdefault(rule.experiment_id, []).append(rule)
        stalled = [rule for rule in rules if rule.kind is RuleKind.STALLED]
        if _marks(stalled) - _marks(self._stalled):
            self._looked = None
        self._rules, self._stalled, self._matching = by_experiment, stalled, {}
        self.watching = bool(by_experiment)

    def appended(self, runs: Mapping[str, str], appended: Sequence[Appended]) -> None:
        """Take in what a commit stored: `runs` are those it is of, with their experiments."""
        rules = self._rules
        if "" not in rules and not any(each in rules for each in runs.values()):
            return
        for each in appended:
            wanted = [
                rule
                for rule in self._about(each.experiment_id, each.key)
                if _mark(rule, each.run_id, each.key) not in self._raised
            ]
            if not wanted:
                continue
            points = len(each.values)
            if self._points + points > POINTS:
                self._judge_later(each, wanted)
                continue
            pointwise = [rule for rule in wanted if rule.kind in POINTWISE]
            if pointwise:
                self._pending.append((each, pointwise))
                self._points += points
            if len(pointwise) < len(wanted):
                self._judge_later(each, [rule for rule in wanted if rule.kind not in POINTWISE])
        if self._pending or self._summaries:
            self._idle.clear()
            self._wake.set()

    def _judge_later(self, appended: Appended, rules: Sequence[AlertRule]) -> None:
        """Judge a series by its summary, which has all of its points."""
        waiting = self._summaries.setdefault((appended.run_id, appended.key), {})
        waiting.update((rule.id, rule) for rule in rules)

    def _about(self, experiment_id: str, key: str) -> tuple[AlertRule, ...]:
        """Rules that are about a key of an experiment."""
        found = self._matching.get((experiment_id, key))
        if found is None:
            if len(self._matching) > REMEMBERED:
                self._matching.clear()
            rules = self._rules.get("", []) + self._rules.get(experiment_id, [])
            found = tuple(rule for rule in rules if matches(rule.key, key))
            self._matching[experiment_id, key] = found
        return found

    async def settle(self) -> None:
        """Wait until all that was taken in has been looked at."""
        await self._idle.wait()

    async def look(self) -> None:
        """Raise alerts of runs that went silent since the last look."""
        if not self._stalled:
            return
        services = self._services
        until = services.clock() - services.stalled_after
        since = until - FIRST_LOOK if self._looked is None else self._looked - LOOK_EVERY
        experiments = {rule.experiment_id for rule in self._stalled}
        async with services.database.read() as session:
            silent = await store.silent(
                session, None if "" in experiments else sorted(experiments), since, until
            )
        self._looked = until
        seconds = f"{services.stalled_after.total_seconds():g}"
        await self._raise(
            [
                Finding(rule, run.id, f"nothing was heard of the run for {seconds} seconds")
                for run in silent
                for rule in self._stalled
                if rule.experiment_id in ("", run.experiment_id)
            ]
        )

    async def close(self) -> None:
        """Stop looking."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        refresh, look, summaries = loop.time() + REFRESH_EVERY, loop.time(), loop.time()
        while True:
            due = min(
                refresh,
                look if self._stalled else refresh,
                summaries if self._summaries else refresh,
            )
            if not self._pending and not self._summaries:
                self._idle.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(due):
                    await self._wake.wait()
            self._wake.clear()
            try:
                if self._pending:
                    await self._judge_points()
                if self._summaries and loop.time() >= summaries:
                    await self._judge_summaries()
                    summaries = loop.time() + SUMMARIES_EVERY
                if self._stalled and loop.time() >= look:
                    look = loop.time() + LOOK_EVERY.total_seconds()
                    await self.look()
                if loop.time() >= refresh:
                    refresh = loop.time() + REFRESH_EVERY
                    await self.refresh()
            except Exception:  # whatever it was, the next round may succeed
                log.exception("looking after alert rules failed; tried again soon")
                await asyncio.sleep(SUMMARIES_EVERY)

    async def _judge_points(self) -> None:
        pending, self._pending = self._pending, []
        points, self._points = self._points, 0
        try:
            if points > THREAD_POINTS:
                findings = await asyncio.to_thread(_judged, pending)
            else:
                findings = _judged(pending)
            await self._raise(findings)
        except Exception:
            for appended, rules in pending:
                self._judge_later(appended, rules)
            raise

    async def _judge_summaries(self) -> None:
        waiting, self._summaries = self._summaries, {}
        try:
            places = list(waiting)
            for begin in range(0, len(places), SERIES_A_READ):
                await self._judge_some(waiting, places[begin : begin + SERIES_A_READ])
        except Exception:
            for place, rules in waiting.items():
                self._summaries.setdefault(place, {}).update(rules)
            raise

    async def _judge_some(
        self, waiting: Mapping[Place, Mapping[str, AlertRule]], places: Sequence[Place]
    ) -> None:
        runs, keys = sorted({run for run, _ in places}), sorted({key for _, key in places})
        async with self._services.database.read() as session:
            rows = await metric_store.series(session, runs, keys)
        await self._raise(
            [
                finding
                for row in rows
                for rule in waiting.get((row.run_id, row.key), {}).values()
                if (finding := by_summary(rule, row)) is not None
            ]
        )

    async def _raise(self, findings: Sequence[Finding]) -> None:
        fresh = {each.id: each for each in findings if each.mark not in self._raised}
        if not fresh:
            return
        async with self._services.database.read() as session:
            runs = await run_store.by_ids(session, sorted({e.run_id for e in fresh.values()}))
        now = self._services.context().now()
        rows = [
            alerts.made(
                runs[each.run_id],
                NewAlert(alert_id, each.rule.name, each.text, each.rule.level, each.key, each.step),
                now,
                each.rule.id,
            )
            for alert_id, each in fresh.items()
            if each.run_id in runs
        ]
        await alerts.announce(self._services, rows)
        for each in fresh.values():
            self._raised[each.mark] = None
        while len(self._raised) > REMEMBERED:
            self._raised.popitem(last=False)


def _mark(rule: AlertRule, run_id: str, key: str) -> Mark:
    return (rule.id, rule.updated_at, run_id, key)


def _marks(rules: Sequence[AlertRule]) -> set[tuple[str, datetime]]:
    return {(rule.id, rule.updated_at) for rule in rules}


def matches(pattern: str, key: str) -> bool:
    """Whether a key is the one meant, where `*` stands for any text."""
    if "*" not in pattern:
        return pattern == key
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), key, re.DOTALL) is not None


def _judged(pending: Sequence[tuple[Appended, list[AlertRule]]]) -> list[Finding]:
    found: dict[tuple[str, str, str], Finding] = {}
    for appended, rules in pending:
        for rule in rules:
            place = (rule.id, appended.run_id, appended.key)
            if place not in found and (finding := by_points(rule, appended)) is not None:
                found[place] = finding
    return list(found.values())


def by_points(rule: AlertRule, appended: Appended) -> Finding | None:
    """What a rule has to say of new points, if anything: of the first that it is about."""
    values = appended.values
    if rule.kind is RuleKind.NAN:
        hits = ~np.isfinite(values)
    else:
        hits = COMPARE[rule.comparator](values, rule.bound)
    if not hits.any():
        return None
    at = int(hits.argmax())
    step, value = int(appended.steps[at]), float(values[at])
    return Finding(
        rule, appended.run_id, _told(rule, appended.key, value, step), appended.key, step
    )


def by_summary(rule: AlertRule, row: MetricSeries) -> Finding | None:
    """What a rule has to say of a series as a whole, if anything."""
    if rule.kind is RuleKind.NO_PROGRESS:
        return _without_progress(rule, row)
    least, greatest = row.min_value, row.max_value
    if rule.kind is RuleKind.NAN:
        ends = [(least, row.min_step), (greatest, row.max_step)]
        worst = next(((v, s) for v, s in ends if v is not None and np.isinf(v)), None)
        if row.nan_count:
            return Finding(rule, row.run_id, f"{row.key} was NaN", row.key)
    elif rule.comparator in ("<", "<="):
        worst = None if least is None else (least, row.min_step)
    else:
        worst = None if greatest is None else (greatest, row.max_step)
    if worst is None:
        return None
    value, step = worst
    if rule.kind is RuleKind.THRESHOLD and not COMPARE[rule.comparator](value, rule.bound):
        return None
    return Finding(rule, row.run_id, _told(rule, row.key, value, step), row.key, step)


def _without_progress(rule: AlertRule, row: MetricSeries) -> Finding | None:
    best = row.min_step if rule.comparator == "<" else row.max_step
    since = row.first_step if best is None else best
    waited = row.last_step - since
    if rule.patience is None or waited < rule.patience:
        return None
    word = "lower" if rule.comparator == "<" else "higher"
    text = f"{row.key} has not been {word} since step {since}, {waited} steps ago"
    return Finding(rule, row.run_id, text, row.key, row.last_step)


def _told(rule: AlertRule, key: str, value: float, step: int | None) -> str:
    at = "" if step is None else f" at step {step}"
    if rule.kind is RuleKind.NAN:
        shown = "NaN" if np.isnan(value) else "infinite"
        return f"{key} is {shown}{at}"
    return f"{key} is {value:g}{at}, {rule.comparator} {rule.bound:g}"
