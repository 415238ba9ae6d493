"""Artifacts by their address: list, fetch and read them; with the names of `mlflow.artifacts`."""

from __future__ import annotations

import os
from typing import Any

from . import _download, _paths, config, values
from .entities import FileInfo
from .errors import InvalidInput, NotAvailable

__all__ = [
    "FileInfo",
    "download_artifacts",
    "list_artifacts",
    "load_dict",
    "load_image",
    "load_text",
]


def download_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    dst_path: str | os.PathLike[str] | None = None,
    tracking_uri: str | None = None,
    registry_uri: str | None = None,
) -> str:
    """Fetch a file or a folder, named by `runs:/<run_id>/<path>` or by run and path.

    It is written into `dst_path` under its last name, or into a new temporary folder; what is there
    already is not fetched again. Returns where it lies.
    """
    if registry_uri is not None:
        raise NotAvailable("this release has no model registry: leave registry_uri out")
    url, run, path = _place(artifact_uri, run_id, artifact_path, tracking_uri)
    return _download.download(url, run, path, dst_path)


def list_artifacts(
    artifact_uri: str | None = None,
    run_id: str | None = None,
    artifact_path: str | None = None,
    tracking_uri: str | None = None,
) -> list[FileInfo]:
    """Files and folders in a folder of a run, or in its root."""
    url, run, path = _place(artifact_uri, run_id, artifact_path, tracking_uri)
    return _download.listing(url, run, path)


def load_text(artifact_uri: str) -> str:
    """The content of a text file."""
    return _read(artifact_uri).decode()


def load_dict(artifact_uri: str) -> Any:
    """The content of a JSON or YAML file."""
    import json

    text = load_text(artifact_uri)
    if artifact_uri.lower().endswith((".yml", ".yaml")):
        import yaml

        return yaml.safe_load(text)
    return json.loads(text)


def load_image(artifact_uri: str) -> Any:
    """An image, as Pillow has it."""
    from io import BytesIO

    from ._optional import load

    pillow = load("PIL.Image", "load_image", "download the file with download_artifacts")
    return pillow.open(BytesIO(_read(artifact_uri)))


def _read(artifact_uri: str) -> bytes:
    return _download.read(config.url(), *_paths.from_uri(artifact_uri))


def _place(
    artifact_uri: str | None,
    run_id: str | None,
    artifact_path: str | None,
    tracking_uri: str | None,
) -> tuple[str, str, str]:
    if (artifact_uri is None) == (run_id is None):
        raise InvalidInput("give artifact_uri or run_id, one of the two", argument="artifact_uri")
    url = (tracking_uri or config.url()).rstrip("/")
    if artifact_uri is not None:
        if artifact_path is not None:
            raise InvalidInput(
                "artifact_path goes with run_id; artifact_uri names the path itself",
                argument="artifact_path",
            )
        return url, *_paths.from_uri(artifact_uri)
    return url, values.run_id(run_id), _paths.folder(artifact_path)
