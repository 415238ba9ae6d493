"""The rows everyone speaks of, a noun a file."""

from trackql_server.models.experiment import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    Experiment,
    ExperimentTag,
    Lifecycle,
)
from trackql_server.models.metric import MetricChunk, MetricSeries
from trackql_server.models.run import Param, Run, RunStatus, Tag, WriterCursor

__all__ = [
    "DEFAULT_EXPERIMENT_ID",
    "DEFAULT_EXPERIMENT_NAME",
    "Experiment",
    "ExperimentTag",
    "Lifecycle",
    "MetricChunk",
    "MetricSeries",
    "Param",
    "Run",
    "RunStatus",
    "Tag",
    "WriterCursor",
]
