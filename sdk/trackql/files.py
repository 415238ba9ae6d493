"""The verbs of files: they go to the active run of this thread, or to a run by its id."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from .artifacts import download_artifacts
from .fluent import RunOperations, _answer, _client, _current
from .fluent import _active_experiment_id as _experiment_id

__all__ = [
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
]


def log_artifact(
    local_path: str | os.PathLike[str],
    artifact_path: str | None = None,
    run_id: str | None = None,
) -> None:
    """Log a file, or a folder under its name, as it is now: it may be changed right after."""
    _current(run_id).log_artifact(local_path, artifact_path)


def log_artifacts(
    local_dir: str | os.PathLike[str],
    artifact_path: str | None = None,
    run_id: str | None = None,
) -> None:
    """Log every file below a folder as it is now; links are followed only within it."""
    _current(run_id).log_artifacts(local_dir, artifact_path)


def log_dict(dictionary: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Log a dictionary as YAML (.yml, .yaml) or else as JSON."""
    _current(run_id).log_dict(dictionary, artifact_file)


def log_text(text: str, artifact_file: str, run_id: str | None = None) -> None:
    """Log a text as a file."""
    _current(run_id).log_text(text, artifact_file)


def log_stream(stream: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Log what a binary stream gives until its end."""
    _current(run_id).log_stream(stream, artifact_file)


def log_figure(
    figure: Any, artifact_file: str, *, save_kwargs: Mapping[str, Any] | None = None
) -> None:
    """Log a figure of matplotlib or plotly in the format that the file's name says."""
    _current().log_figure(figure, artifact_file, save_kwargs=save_kwargs)


def log_image(
    image: Any,
    artifact_file: str | None = None,
    key: str | None = None,
    step: int | None = None,
    timestamp: int | None = None,
    synchronous: bool | None = False,
) -> RunOperations | None:
    """Log an image as a file, or by `key` as the value of a step."""
    run = _current()
    run.log_image(image, artifact_file, key, step, timestamp)
    return _answer(run, synchronous) if key is not None or synchronous else None


def log_table(data: Any, artifact_file: str, run_id: str | None = None) -> None:
    """Log a table as JSON or Parquet; logged again, its rows come below those before."""
    _current(run_id).log_table(data, artifact_file)


def load_table(
    artifact_file: str,
    run_ids: list[str] | None = None,
    extra_columns: list[str] | None = None,
) -> Any:
    """The rows that runs of the active experiment logged to a table, as one data frame."""
    return _client().load_table(_experiment_id(), artifact_file, run_ids, extra_columns)


def log_artifact_reference(
    uri: str,
    artifact_path: str | None = None,
    size: int | None = None,
    sha256: str | None = None,
    run_id: str | None = None,
) -> None:
    """Log the address of something that stays where it is, like `s3://bucket/key`."""
    _current(run_id).log_artifact_reference(uri, artifact_path, size, sha256)


def get_artifact_uri(artifact_path: str | None = None) -> str:
    """The address of the active run's artifacts, or of one, as download_artifacts takes it."""
    return _current().get_artifact_uri(artifact_path)
