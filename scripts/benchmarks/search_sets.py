"""The sets of runs that the search benchmarks ask, each made once for all rows."""

from collections.abc import Sequence
from functools import cache

import numpy as np

from scripts.benchmarks import search_data
from scripts.benchmarks.search_data import METRICS, PARAMS, TAGS, Runs
from scripts.benchmarks.systems import Mlflow, System, Trackql

SMALL, LARGE = 10_000, 100_000

# The experiment of each set that holds what is searched.
NAME = "search"

# Beside the large one stand so many experiments with so many runs each.
OTHERS = [100 + 7 * place for place in range(100)]

WIDE_RUNS, WIDE_METRICS = 1_000, 2_000
MANY_KEYS, KEYS_EACH = 100_000, 100

ALL_COLUMNS = (
    *(f"metrics.{key}" for key in METRICS),
    *(f"params.{key}" for key in PARAMS),
    *(f"tags.{key}" for key in TAGS),
)

EXPERIMENTS = """
query Experiments { experiments(first: 1000) { nodes { id name runCount } } }
"""

MAKE = """
mutation Make($input: CreateExperimentInput!) { createExperiment(input: $input) { id } }
"""


@cache
def ordinary(count: int) -> Runs:
    """The runs of the small and of the large set."""
    return search_data.ordinary(count, seed=count)


@cache
def wide_runs() -> Runs:
    """Runs with very many metrics each."""
    keys = [f"layer{number // 10:03d}/weight{number % 10}" for number in range(WIDE_METRICS)]
    has = np.ones((WIDE_RUNS, WIDE_METRICS), bool)
    return search_data.measured(WIDE_RUNS, keys, has, seed=3)


@cache
def many_keys() -> Sequence[str]:
    """The keys of the set that has very many, in their order."""
    return [f"layer{number // 1000:02d}/weight{number % 1000:03d}" for number in range(MANY_KEYS)]


def seed_small(system: System) -> None:
    _seed(system, (NAME, ordinary(SMALL)))


def seed_large(system: System) -> None:
    others = [
        (f"other/{place:03d}", search_data.bare(count, seed=place))
        for place, count in enumerate(OTHERS)
    ]
    _seed(system, (NAME, ordinary(LARGE)), *others)


def seed_wide(system: System) -> None:
    _seed(system, (NAME, wide_runs()))


def seed_many_keys(system: System) -> None:
    count = MANY_KEYS // KEYS_EACH
    has = np.arange(MANY_KEYS) // KEYS_EACH == np.arange(count)[:, None]
    _seed(system, (NAME, search_data.measured(count, many_keys(), has, seed=4)))


def make(system: System, name: str) -> str:
    """A new experiment, made as the system's clients make it; its id."""
    if isinstance(system, Trackql):
        return str(system.ask(MAKE, input={"name": name})["createExperiment"]["id"])
    reply = system.http.post(
        f"{system.server.url}/api/2.0/mlflow/experiments/create", json={"name": name}
    )
    return str(reply.raise_for_status().json()["experiment_id"])


def write(system: System, experiment: str, runs: Runs) -> None:
    """Put runs into an experiment, straight into the system's file; trackql must not be up."""
    if isinstance(system, Trackql):
        search_data.seed_trackql(system.home / "trackql.db", experiment, runs)
    else:
        assert isinstance(system, Mlflow)
        search_data.seed_mlflow(system.home / "mlflow.db", experiment, runs)


def experiment(system: System, name: str = NAME) -> str:
    """The id of the experiment of that name."""
    if isinstance(system, Trackql):
        nodes = system.ask(EXPERIMENTS)["experiments"]["nodes"]
        return next(str(node["id"]) for node in nodes if node["name"] == name)
    reply = system.http.get(
        f"{system.server.url}/api/2.0/mlflow/experiments/get-by-name",
        params={"experiment_name": name},
    )
    return str(reply.raise_for_status().json()["experiment"]["experiment_id"])


def _seed(system: System, *experiments: tuple[str, Runs]) -> None:
    made = [(make(system, name), runs) for name, runs in experiments]
    system.server.stop()
    for identifier, runs in made:
        write(system, identifier, runs)
