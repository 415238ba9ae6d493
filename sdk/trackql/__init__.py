"""Track training runs: log metrics, params and tags; watch them live; read them back exactly.

import trackql

with trackql.start_run():
    trackql.log_params({"lr": 0.1})
    for step in range(100):
        trackql.log_metrics({"loss": 1 / (step + 1)}, step=step)
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from . import artifacts, data, entities, errors
    from ._alert import alert
    from ._inputs import log_input, log_inputs
    from ._listen import live_param, should_stop
    from ._live import LiveParam
    from .client import Client
    from .client import Client as MlflowClient
    from .entities import Experiment, Metric, Param, RunTag, ViewType
    from .errors import NotAvailable, RunStopped, TrackqlError
    from .errors import TrackqlError as MlflowException
    from .files import (
        download_artifacts,
        get_artifact_uri,
        load_table,
        log_artifact,
        log_artifact_reference,
        log_artifacts,
        log_dict,
        log_figure,
        log_image,
        log_stream,
        log_table,
        log_text,
    )
    from .fluent import (
        active_run,
        create_experiment,
        delete_experiment,
        delete_run,
        delete_tag,
        disable_system_metrics_logging,
        enable_system_metrics_logging,
        end_run,
        flush,
        flush_artifact_async_logging,
        flush_async_logging,
        get_experiment,
        get_experiment_by_name,
        get_parent_run,
        get_run,
        get_tracking_uri,
        is_tracking_uri_set,
        last_active_run,
        log_metric,
        log_metrics,
        log_param,
        log_params,
        restore_experiment,
        restore_run,
        runs_table,
        search_experiments,
        search_runs,
        set_experiment,
        set_experiment_tag,
        set_experiment_tags,
        set_system_metrics_node_id,
        set_system_metrics_samples_before_logging,
        set_system_metrics_sampling_interval,
        set_tag,
        set_tags,
        set_tracking_uri,
        start_run,
    )
    from .history import History
    from .media import Audio, Histogram, Html, Image, Table, Text, Video
    from .runs import Run
    from .runs import Run as ActiveRun

__version__ = "0.1.0"

__all__ = [
    "ActiveRun",
    "Audio",
    "Client",
    "Experiment",
    "Histogram",
    "History",
    "Html",
    "Image",
    "LiveParam",
    "Metric",
    "MlflowClient",
    "MlflowException",
    "NotAvailable",
    "Param",
    "Run",
    "RunStopped",
    "RunTag",
    "Table",
    "Text",
    "TrackqlError",
    "Video",
    "ViewType",
    "active_run",
    "alert",
    "artifacts",
    "create_experiment",
    "data",
    "delete_experiment",
    "delete_run",
    "delete_tag",
    "disable_system_metrics_logging",
    "download_artifacts",
    "enable_system_metrics_logging",
    "end_run",
    "entities",
    "errors",
    "flush",
    "flush_artifact_async_logging",
    "flush_async_logging",
    "get_artifact_uri",
    "get_experiment",
    "get_experiment_by_name",
    "get_parent_run",
    "get_run",
    "get_tracking_uri",
    "is_tracking_uri_set",
    "last_active_run",
    "live_param",
    "load_table",
    "log_artifact",
    "log_artifact_reference",
    "log_artifacts",
    "log_dict",
    "log_figure",
    "log_image",
    "log_input",
    "log_inputs",
    "log_metric",
    "log_metrics",
    "log_param",
    "log_params",
    "log_stream",
    "log_table",
    "log_text",
    "restore_experiment",
    "restore_run",
    "runs_table",
    "search_experiments",
    "search_runs",
    "set_experiment",
    "set_experiment_tag",
    "set_experiment_tags",
    "set_system_metrics_node_id",
    "set_system_metrics_samples_before_logging",
    "set_system_metrics_sampling_interval",
    "set_tag",
    "set_tags",
    "set_tracking_uri",
    "should_stop",
    "start_run",
]

# Where a name lives when it is not a verb of `fluent`; everything is imported when first used.
_PLACES = {
    "ActiveRun": ("runs", "Run"),
    "Client": ("client", "Client"),
    "Experiment": ("entities", "Experiment"),
    "History": ("history", "History"),
    "Metric": ("entities", "Metric"),
    "MlflowClient": ("client", "Client"),
    "MlflowException": ("errors", "TrackqlError"),
    "NotAvailable": ("errors", "NotAvailable"),
    "Param": ("entities", "Param"),
    "Run": ("runs", "Run"),
    "RunTag": ("entities", "RunTag"),
    "TrackqlError": ("errors", "TrackqlError"),
    "ViewType": ("entities", "ViewType"),
    "LiveParam": ("_live", "LiveParam"),
    "RunStopped": ("errors", "RunStopped"),
    "alert": ("_alert", "alert"),
    "live_param": ("_listen", "live_param"),
    "log_input": ("_inputs", "log_input"),
    "log_inputs": ("_inputs", "log_inputs"),
    "should_stop": ("_listen", "should_stop"),
}
_PLACES |= {
    name: ("media", name)
    for name in ("Audio", "Histogram", "Html", "Image", "Table", "Text", "Video")
}
_PLACES |= {
    name: ("files", name)
    for name in (
        "download_artifacts",
        "get_artifact_uri",
        "load_table",
        "log_artifact",
        "log_artifact_reference",
        "log_artifacts",
        "log_dict",
        "log_figure",
        "log_image",
        "log_stream",
        "log_table",
        "log_text",
    )
}


def __getattr__(name: str) -> Any:
    value: Any
    if name in ("artifacts", "data", "entities", "errors"):
        value = import_module(f"{__name__}.{name}")
    elif name in __all__:
        module, attribute = _PLACES.get(name, ("fluent", name))
        value = getattr(import_module(f"{__name__}.{module}"), attribute)
    else:
        value = None if name.startswith("_") else import_module(f"{__name__}._absent").find(name)
        if value is None:
            raise AttributeError(f"module 'trackql' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
