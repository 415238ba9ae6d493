"""The runs of the search benchmarks: drawn once, written by SQL into trackql's file and MLflow's.

A hundred thousand runs would take an hour through any SDK. What the rows hold, and every index, is
as if they had come that way, each series with one point; only the points themselves are missing,
which no search reads.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scripts.benchmarks.systems import Floats
from trackql_server.domain.params import number
from trackql_server.models.numbers import label_id, rising_number
from trackql_server.models.run import HEAD

Bools = NDArray[np.bool_]
Ints = NDArray[np.int64]
Texts = NDArray[np.object_]

# 2026-01-01; a run begins every 97 seconds from then on, so that no two begin together.
BEGUN, APART = 1_767_225_600_000, 97_000

METRICS = (
    "acc", "loss", "val_acc", "val_loss", "f1", "precision", "recall", "auc", "bleu", "perplexity",
    "grad_norm", "throughput", "gpu_memory", "epoch_time", "top5", "ece", "kl", "reward", "entropy",
    "score.final",
)  # fmt: skip
PARAMS = (
    "optimizer", "lr", "batch_size", "seed", "model", "dataset", "scheduler", "dropout", "depth",
    "width", "weight_decay", "warmup", "clip", "activation", "init", "precision", "host", "epochs",
    "augment", "comment",
)  # fmt: skip
TAGS = ("team", "stage", "commit", "note", "owner")

OPTIMIZERS = ("adam", "adamw", "lion", "sgd")
MODELS = tuple(f"{family}-{size}" for family in ("resnet", "vit", "gpt", "mamba", "unet", "mlp")
               for size in ("xs", "s", "m", "l", "xl", "18", "50", "101"))  # fmt: skip
WORDS = (
    "amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron", "ivory", "juniper",
    "kestrel", "lotus", "maple", "nectar", "otter", "pebble", "quartz", "raven", "sable", "tundra",
    "umber", "violet", "willow", "xenon", "yarrow", "zephyr",
)  # fmt: skip


@dataclass
class Runs:
    """Runs in the order of their start, with one row a run and one column a key.

    A metric that a run has may be NaN; `has` tells it from one that the run lacks. A param or tag
    that a run lacks is None. `starts` are Unix milliseconds, `durations` milliseconds.
    """

    ids: list[str]
    names: Texts
    starts: Ints
    durations: Ints
    metric_keys: tuple[str, ...]
    values: Floats
    has: Bools
    param_keys: tuple[str, ...]
    params: Texts
    tag_keys: tuple[str, ...]
    tags: Texts

    def __len__(self) -> int:
        return len(self.ids)

    def metric(self, key: str) -> tuple[Floats, Bools]:
        """The value of each run, and whether it has one."""
        column = self.metric_keys.index(key)
        return self.values[:, column], self.has[:, column]

    def newest(self, count: int) -> Sequence[int]:
        """The places of the newest runs, the newest first."""
        return range(len(self) - 1, len(self) - 1 - count, -1)

    def text(self, field: str) -> Texts:
        """The name of each run, or a param or tag of it: `params.lr`."""
        if field == "name":
            return self.names
        entity, _, key = field.partition(".")
        keys = self.param_keys if entity == "params" else self.tag_keys
        column: Texts = (self.params if entity == "params" else self.tags)[:, keys.index(key)]
        return column


def there(texts: Texts) -> Bools:
    """Which of them are not None."""
    flags: Bools = np.not_equal(texts, np.array(None, object)).astype(bool)
    return flags


def ordinary(count: int, seed: int) -> Runs:
    """Runs with 20 params, 20 metrics and 5 tags, of which some lack some; some values are NaN."""
    source = np.random.default_rng(seed)
    values = source.normal(0, 1, (count, len(METRICS)))
    values[:, 0] = source.random(count)
    values[:, 1:4] = source.exponential(1, (count, 3))
    values[:, 4:9] = source.random((count, 5))
    has = np.ones(values.shape, bool)
    for place, share in ((0, 0.01), (4, 0.3), (8, 0.8), (17, 0.5), (19, 0.05)):
        has[:, place] = source.random(count) >= share
    for place, share in ((1, 0.01), (3, 0.002), (10, 0.05)):
        values[source.random(count) < share, place] = np.nan

    def some(words: Sequence[str], share: float = 0) -> Texts:
        texts = np.array(words, object)[source.integers(0, len(words), count)]
        texts[source.random(count) < share] = None
        return texts

    def spelled(numbers: Iterable[Any]) -> Texts:
        return np.array([*map(str, numbers)], object)

    def apart(shape: str, *columns: Texts) -> Texts:
        return np.array([shape.format(*row) for row in zip(*columns, strict=True)], object)

    params = {
        "optimizer": some(OPTIMIZERS),
        "lr": spelled(f"{10**power:.4g}" for power in source.uniform(-6, -1, count)),
        "batch_size": some(("16", "32", "64", "128", "256", "512"), 0.01),
        "seed": spelled(source.integers(0, 1_000_000, count)),
        "model": some(MODELS),
        "dataset": some(("imagenet", "cifar10", "wikitext-103", "the-pile", "librispeech")),
        "scheduler": some(("cosine", "linear", "constant", "step"), 0.1),
        "dropout": spelled(f"{share:.2f}" for share in source.uniform(0, 0.5, count)),
        "depth": spelled(source.integers(2, 97, count)),
        "width": spelled(64 * source.integers(1, 65, count)),
        "weight_decay": some(("0", "1e-5", "1e-4", "0.01", "0.1")),
        "warmup": some(("100", "500", "1000", "5%"), 0.4),
        "clip": some(("0.5", "1.0", "5.0"), 0.2),
        "activation": some(("relu", "gelu", "silu")),
        "init": some(("kaiming", "xavier", "orthogonal")),
        "precision": some(("fp32", "bf16", "fp16", "fp8")),
        "host": apart("node-{:03d}", source.integers(0, 500, count).astype(object)),
        "epochs": spelled(source.integers(1, 301, count)),
        "augment": some(("none", "flip,crop", "randaugment", "mixup+cutmix")),
        "comment": apart("{} then {}, {}", some(WORDS), some(WORDS), some(WORDS)),
    }
    places = np.arange(count, dtype=object)
    tags = {
        "team": some(("vision", "speech", "language", "robotics", "search")),
        "stage": some(("draft", "candidate", "production")),
        "commit": np.array([source.bytes(20).hex() for _ in range(count)], object),
        "note": apart("{} {} #{}", some(WORDS), some(WORDS), places),
        "owner": apart("user{}@example.org", source.integers(0, 200, count).astype(object)),
    }
    tags["note"][source.random(count) < 0.4] = None
    return Runs(
        **_named(count, source),
        metric_keys=METRICS,
        values=values,
        has=has,
        param_keys=PARAMS,
        params=np.column_stack([params[key] for key in PARAMS]),
        tag_keys=TAGS,
        tags=np.column_stack([tags[key] for key in TAGS]),
    )


def measured(count: int, keys: Sequence[str], has: Bools, seed: int) -> Runs:
    """Runs with these metrics where they have them, and nothing else."""
    source = np.random.default_rng(seed)
    return Runs(
        **_named(count, source),
        metric_keys=tuple(keys),
        values=source.normal(0, 1, (count, len(keys))),
        has=has,
        param_keys=(),
        params=np.empty((count, 0), object),
        tag_keys=(),
        tags=np.empty((count, 0), object),
    )


def bare(count: int, seed: int) -> Runs:
    """Runs of which nothing was logged."""
    return measured(count, (), np.empty((count, 0), bool), seed)


def _named(count: int, source: np.random.Generator) -> dict[str, Any]:
    first, second = source.integers(0, len(WORDS), (2, count)).tolist()
    names = [f"{WORDS[a]}-{WORDS[b]}-{n}" for n, (a, b) in enumerate(zip(first, second))]  # noqa: B905
    return {
        "ids": [source.bytes(16).hex() for _ in range(count)],
        "names": np.array(names, object),
        "starts": BEGUN + APART * np.arange(count, dtype=np.int64),
        "durations": source.integers(1_000, 100_000_000, count),
    }


def seed_trackql(file: Path, experiment: str, runs: Runs) -> None:
    """Write the runs into an experiment that is there, while no server has the file."""
    with _filling(file) as database:
        number_of = rising_number()
        database.executemany(
            "INSERT INTO run (number, root_number, id, experiment_id, name, description, status,"
            " lifecycle, start_time, end_time, heartbeat_time, duration_ms, user, source_name,"
            " git_commit, parent_run_id, dropped_points, problems) VALUES (?1, ?1, ?2, ?3, ?4, '',"
            " 'FINISHED', 'ACTIVE', ?5, ?6, ?6, ?7, 'bench', 'train.py', NULL, NULL, 0, '[]')",
            (
                (number_of + place, run, experiment, name, start, start + took, took)
                for place, (run, name, start, took) in enumerate(_plain(runs))
            ),
        )
        _points(database, runs)
        _keys(database, experiment, "metric", runs.metric_keys)
        database.execute(
            "INSERT INTO metric_series (run_id, key, id, experiment_id, label_id, run_number,"
            " count, first_step, first_time, first_value, last_step, last_time, last_value,"
            " min_step, min_time, min_value, max_step, max_time, max_value, total, nan_count,"
            " steps_rise, tail_step, open_chunks)"
            " SELECT run.id, spelled.key, ?1 + point.rowid, run.experiment_id, spelled.label,"
            " run.number, 1, 0, run.end_time, value, 0, run.end_time, value,"
            " iif(value IS NULL, NULL, 0), iif(value IS NULL, NULL, run.end_time), value,"
            " iif(value IS NULL, NULL, 0), iif(value IS NULL, NULL, run.end_time), value,"
            " ifnull(value, 0.0), value IS NULL, 1, 0, 0"
            " FROM point CROSS JOIN spelled ON spelled.rowid = point.key + 1"
            " CROSS JOIN run ON run.number = ?2 + point.run ORDER BY point.rowid",
            (rising_number(), number_of),
        )
        for kind, keys, texts in (
            ("param", runs.param_keys, runs.params),
            ("tag", runs.tag_keys, runs.tags),
        ):
            _words(database, texts)
            _keys(database, experiment, kind, keys)
            numeric = ("number,", "word.number,") if kind == "param" else ("", "")
            database.execute(
                f"INSERT INTO {kind} (run_id, key, label_id, run_number, {numeric[0]} head, value)"
                " SELECT run.id, spelled.key, spelled.label, run.number,"
                f" {numeric[1]} substr(value, 1, {HEAD}), value"
                " FROM word CROSS JOIN spelled ON spelled.rowid = word.key + 1"
                " CROSS JOIN run ON run.number = ?1 + word.run ORDER BY word.rowid",
                (number_of,),
            )


def seed_mlflow(file: Path, experiment: str, runs: Runs) -> None:
    """Write the runs into an experiment that is there; its server may be up."""
    with _filling(file) as database:
        root = f"mlflow-artifacts:/{experiment}"
        database.executemany(
            "INSERT INTO runs (run_uuid, name, source_type, source_name, entry_point_name, user_id,"
            " status, start_time, end_time, source_version, lifecycle_stage, artifact_uri,"
            " experiment_id, deleted_time) VALUES (?1, ?2, 'UNKNOWN', '', '', 'bench', 'FINISHED',"
            " ?3, ?4, '', 'active', ?5, ?6, NULL)",
            (
                (run, name, start, start + took, f"{root}/{run}/artifacts", int(experiment))
                for run, name, start, took in _plain(runs)
            ),
        )
        database.execute("CREATE TEMP TABLE given (id TEXT, ended INTEGER)")
        database.executemany(
            "INSERT INTO given VALUES (?, ?)",
            ((run, start + took) for run, _, start, took in _plain(runs)),
        )
        _points(database, runs)
        _keys(database, experiment, "metric", runs.metric_keys)
        for table in ("metrics", "latest_metrics"):
            database.execute(
                f"INSERT INTO {table} (key, value, timestamp, run_uuid, step, is_nan)"
                " SELECT spelled.key, ifnull(value, 0.0), given.ended, given.id, 0, value IS NULL"
                " FROM point CROSS JOIN spelled ON spelled.rowid = point.key + 1"
                " CROSS JOIN given ON given.rowid = point.run + 1 ORDER BY point.rowid"
            )
        for table, keys, texts in (
            ("params", runs.param_keys, runs.params),
            (
                "tags",
                (*runs.tag_keys, "mlflow.runName"),
                np.column_stack([runs.tags, runs.names]),
            ),
        ):
            _words(database, texts)
            _keys(database, experiment, table, keys)
            database.execute(
                f"INSERT INTO {table} (key, value, run_uuid) SELECT spelled.key, value, given.id"
                " FROM word CROSS JOIN spelled ON spelled.rowid = word.key + 1"
                " CROSS JOIN given ON given.rowid = word.run + 1 ORDER BY word.rowid"
            )


def _plain(runs: Runs) -> Iterator[tuple[str, str, int, int]]:
    return zip(
        runs.ids,
        runs.names.tolist(),
        runs.starts.tolist(),
        runs.durations.tolist(),
        strict=True,
    )


def _points(database: sqlite3.Connection, runs: Runs) -> None:
    """A table of (place of the run, place of the key, value or null for NaN)."""
    database.execute("CREATE TEMP TABLE point (run INTEGER, key INTEGER, value REAL)")
    rows, keys = runs.has.nonzero()
    database.executemany(
        "INSERT INTO point VALUES (?, ?, ?)",
        zip(rows.tolist(), keys.tolist(), runs.values[rows, keys].tolist(), strict=True),
    )


def _words(database: sqlite3.Connection, texts: Texts) -> None:
    """A table of (place of the run, place of the key, value, its number or null)."""
    database.execute("DROP TABLE IF EXISTS word")
    database.execute("CREATE TEMP TABLE word (run INTEGER, key INTEGER, value TEXT, number REAL)")
    rows, keys = there(texts).nonzero()
    words = texts[rows, keys].tolist()
    numbers = {word: number(word) for word in set(words)}
    database.executemany(
        "INSERT INTO word VALUES (?, ?, ?, ?)",
        zip(rows.tolist(), keys.tolist(), words, map(numbers.__getitem__, words), strict=True),
    )


def _keys(database: sqlite3.Connection, experiment: str, kind: str, keys: Sequence[str]) -> None:
    """A table of the keys in their order; also trackql's labels where it is trackql's file."""
    database.execute("DROP TABLE IF EXISTS spelled")
    database.execute("CREATE TEMP TABLE spelled (key TEXT, label INTEGER)")
    database.executemany(
        "INSERT INTO spelled VALUES (?, ?)",
        ((key, label_id(experiment, kind, key)) for key in keys),
    )
    labels = database.execute("SELECT 1 FROM main.sqlite_schema WHERE name = 'label'").fetchone()
    if labels:
        database.execute(
            "INSERT OR IGNORE INTO label (id, experiment_id, kind, key)"
            " SELECT label, ?, ?, key FROM spelled",
            (experiment, kind),
        )


@contextmanager
def _filling(file: Path) -> Iterator[sqlite3.Connection]:
    """One transaction with memory enough for the whole of it; the file's own settings stay."""
    database = sqlite3.connect(file, isolation_level=None, timeout=60)
    try:
        [mode] = database.execute("PRAGMA journal_mode").fetchone()
        # Nothing is lost when a seed fails half way: the row fails with it.
        for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -4000000"):
            database.execute(f"PRAGMA {pragma}").fetchall()
        database.execute("PRAGMA temp_store = MEMORY")
        database.execute("BEGIN IMMEDIATE")
        yield database
        database.execute("COMMIT")
        database.execute(f"PRAGMA journal_mode = {mode}").fetchall()
    finally:
        database.close()
