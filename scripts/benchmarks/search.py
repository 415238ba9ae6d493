"""Row `search`: a page of the runs that satisfy a filter, and how many do.

10,000 and 100,000 runs with 20 params, 20 metrics and 5 tags (`search_data.py`), the large set
beside a hundred smaller experiments. The same runs are in MLflow, which is asked over REST as its
clients ask; requests that take it longer than some 30 seconds are not made. Every answer is
compared with what numpy finds in the seeded columns: the same runs in the same order, the same
values. A time is that of a whole request over HTTP until its JSON is parsed: cold, the first after
a restart of the server, over a new connection; warm, the median of the next ones. The other rows of
these runs (`search_pages.py`, `search_groups.py`, `search_live.py`) measure alike.

Here: the hundred best of those with `metrics.acc > 0.9 and params.optimizer = 'adam'`, with the
fields that the question speaks of; MLflow gives whole runs and can't do otherwise, so also with all
45 columns. The worst of twelve questions drawn by a seed (`search_terms.py`), each with its own
median. And the `totalCount` of a sparse, a dense and an OR filter, the worst of the three.
"""

from collections.abc import Sequence
from typing import Any

from scripts.benchmarks import search_sets as sets
from scripts.benchmarks import search_terms
from scripts.benchmarks.report import Figure, median
from scripts.benchmarks.search_asking import (
    PAGE,
    check_table,
    cold_and_warm,
    figure,
    from_cold,
    rest,
    table,
    timed,
    warmed,
)
from scripts.benchmarks.search_data import Runs
from scripts.benchmarks.search_mlflow import mlflow
from scripts.benchmarks.search_sets import ALL_COLUMNS, LARGE, SMALL
from scripts.benchmarks.search_terms import Question
from scripts.benchmarks.systems import Mlflow, Trackql
from scripts.benchmarks.workspace import Workspace

ROW = "search"

COUNT = """
query Count($experiment: ID!, $filter: String!) {
  runs(experimentIds: [$experiment], filter: $filter, first: 1) { totalCount }
}
"""


def search(space: Workspace) -> list[Figure]:
    taken = mlflow(space) if space.peers else None
    with space.seeded(Trackql, "small", sets.seed_small) as ours:
        figures = _named(
            ours, sets.ordinary(SMALL), 20, {Mlflow.name: taken.small} if taken else {}
        )
    with space.seeded(Trackql, "large", sets.seed_large) as ours:
        runs = sets.ordinary(LARGE)
        return [
            *figures,
            *_named(ours, runs, 30, {Mlflow.name: taken.large} if taken else {}),
            *_twelve(ours, runs),
            *_counts(ours, runs),
        ]


def _named(ours: Trackql, runs: Runs, at_most: float, peers: dict[str, float]) -> list[Figure]:
    question, experiment = search_terms.named(runs), sets.experiment(ours)
    title = f"top {PAGE} of {len(runs):,}"

    few = ("name", "metrics.acc", "params.optimizer")
    times = from_cold(
        ours,
        lambda: _page(ours, experiment, question, few),
        lambda answer: _check(answer, runs, question, few),
        41,
    )
    whole = warmed(
        lambda: _page(ours, experiment, question, ALL_COLUMNS),
        lambda answer: _check(answer, runs, question, ALL_COLUMNS),
    )
    return [
        *cold_and_warm(ROW, title, times, at_most=at_most, peers=peers),
        figure(ROW, f"{title}, all 45 columns", whole, peers=peers),
    ]


def _twelve(ours: Trackql, runs: Runs) -> list[Figure]:
    experiment = sets.experiment(ours)
    questions = search_terms.twelve(runs, seed=12)
    told = [f"{each.filter} by {', '.join(each.orders)}" for each in questions]
    rest(ours)
    times = []
    for question in questions:
        columns = ("name", *question.fields)
        times.append(
            [
                timed(
                    lambda question=question, columns=columns: _page(  # type: ignore[misc]
                        ours, experiment, question, columns
                    ),
                    lambda answer, question=question, columns=columns: _check(  # type: ignore[misc]
                        answer, runs, question, columns
                    ),
                )
                for _ in range(6)
            ]
        )
    warm = [median(each[1:]) for each in times]
    cold = [each[0] for each in times]
    worst, coldest = warm.index(max(warm)), cold.index(max(cold))
    title = f"worst of twelve questions to {LARGE:,}"
    return [
        Figure(ROW, title, "ms", warm[worst], at_most=300, samples=warm, note=told[worst]),
        figure(ROW, "median of the twelve", warm),
        Figure(ROW, "worst first request of each", "ms", cold[coldest], samples=cold,
               note=told[coldest]),
    ]  # fmt: skip


def _page(ours: Trackql, experiment: str, question: Question, columns: Sequence[str]) -> Any:
    return table(ours, experiment, columns, question.orders, filter=question.filter)


def _check(answer: Any, runs: Runs, question: Question, columns: Sequence[str]) -> None:
    what = f"{question.filter} by {', '.join(question.orders)}"
    check_table(answer, runs, question.answer[:PAGE], columns, what)


def _counts(ours: Trackql, runs: Runs) -> list[Figure]:
    experiment = sets.experiment(ours)
    questions = search_terms.twelve(runs, seed=12)
    chosen = (
        search_terms.named(runs),
        max(questions, key=lambda question: len(question.answer)),
        next(question for question in questions if " OR " in question.filter),
    )
    times = []
    for question in chosen:

        def ask(question: Question = question) -> int:
            answer = ours.ask(COUNT, experiment=experiment, filter=question.filter)
            return int(answer["runs"]["totalCount"])

        def check(found: int, question: Question = question) -> None:
            if found != (wanted := len(question.answer)):
                raise RuntimeError(f"{question.filter}: {found} runs are counted of {wanted}")

        times.append(from_cold(ours, ask, check))
    worst = max(range(len(chosen)), key=lambda place: median(times[place][1:]))
    title = f"totalCount of a filtered {LARGE:,}"
    return cold_and_warm(ROW, title, times[worst], at_most=150, note=chosen[worst].filter)
