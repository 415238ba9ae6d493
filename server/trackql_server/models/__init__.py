"""The rows everyone speaks of, a noun a file."""

from trackql_server.models.experiment import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    Experiment,
    ExperimentTag,
    Lifecycle,
)
from trackql_server.models.label import Label, LabelKind
from trackql_server.models.metric import MetricChunk, MetricSeries
from trackql_server.models.run import (
    ConfigValue,
    DatasetInput,
    Param,
    Run,
    RunStatus,
    Tag,
    WriterCursor,
)
from trackql_server.models.view import SavedView

__all__ = [
    "DEFAULT_EXPERIMENT_ID",
    "DEFAULT_EXPERIMENT_NAME",
    "ConfigValue",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "Label",
    "LabelKind",
    "Lifecycle",
    "MetricChunk",
    "MetricSeries",
    "Param",
    "Run",
    "RunStatus",
    "SavedView",
    "Tag",
    "WriterCursor",
]
