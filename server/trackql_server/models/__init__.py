"""The rows everyone speaks of, a noun a file."""

from trackql_server.models.alert import Alert, AlertLevel, AlertRule, RuleKind
from trackql_server.models.artifact import Artifact, ArtifactFolder, Blob, Upload, UploadPart
from trackql_server.models.console import ConsoleChunk, ConsoleState
from trackql_server.models.dataset import Dataset, DatasetInput
from trackql_server.models.experiment import (
    DEFAULT_EXPERIMENT_ID,
    DEFAULT_EXPERIMENT_NAME,
    Experiment,
    ExperimentTag,
    Lifecycle,
)
from trackql_server.models.fact import RunFact
from trackql_server.models.label import Label, LabelKind
from trackql_server.models.metric import MetricChunk, MetricSeries
from trackql_server.models.request import LiveParam, RequestKind, RunRequest
from trackql_server.models.run import (
    ConfigValue,
    Param,
    Run,
    RunStatus,
    Tag,
    WriterCursor,
)
from trackql_server.models.value import LoggedValue, ValueKind, ValueSeries
from trackql_server.models.view import SavedView

__all__ = [
    "DEFAULT_EXPERIMENT_ID",
    "DEFAULT_EXPERIMENT_NAME",
    "Alert",
    "AlertLevel",
    "AlertRule",
    "Artifact",
    "ArtifactFolder",
    "Blob",
    "ConfigValue",
    "ConsoleChunk",
    "ConsoleState",
    "Dataset",
    "DatasetInput",
    "Experiment",
    "ExperimentTag",
    "Label",
    "LabelKind",
    "Lifecycle",
    "LiveParam",
    "LoggedValue",
    "MetricChunk",
    "MetricSeries",
    "Param",
    "RequestKind",
    "RuleKind",
    "Run",
    "RunFact",
    "RunRequest",
    "RunStatus",
    "SavedView",
    "Tag",
    "Upload",
    "UploadPart",
    "ValueKind",
    "ValueSeries",
    "WriterCursor",
]
