"""Names of MLflow's fluent face that this release does not have, and what to use instead."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from .errors import NotAvailable

_MODEL = (
    "models are not stored by this release; save the model with its own framework and log the "
    "path with set_tag"
)
_LOGGED_MODEL = (
    "logged models are not part of this release; log to a run and name the model in a tag"
)
_REGISTRY = "there is no model registry in this release; mark a run's model with set_tag"
_AUTOLOG = (
    "nothing is logged automatically by this release; call log_params and log_metrics in the "
    "training loop or in a callback"
)
_FLAVOR = (
    "this release has no framework flavors; log with log_params and log_metrics, and save the "
    "model with its own framework"
)
_WORKSPACE = "there are no workspaces; begin experiment names with a path, like 'team/experiment'"

FUNCTIONS: dict[str, str] = {
    "autolog": _AUTOLOG,
    "clear_active_model": _LOGGED_MODEL,
    "create_external_model": _LOGGED_MODEL,
    "create_workspace": _WORKSPACE,
    "delete_experiment_tag": "an experiment's tag cannot be removed yet; set it to '' with "
    "set_experiment_tag",
    "delete_logged_model_tag": _LOGGED_MODEL,
    "delete_workspace": _WORKSPACE,
    "doctor": "ask a server for its version at /version, and `trackql --version` for this one",
    "evaluate": "evaluation is not part of this release; log what you measured with log_metrics",
    "finalize_logged_model": _LOGGED_MODEL,
    "get_active_model_id": _LOGGED_MODEL,
    "get_logged_model": _LOGGED_MODEL,
    "get_registry_uri": _REGISTRY,
    "get_workspace": _WORKSPACE,
    "import_checkpoints": _LOGGED_MODEL,
    "initialize_logged_model": _LOGGED_MODEL,
    "last_logged_model": _LOGGED_MODEL,
    "list_workspaces": _WORKSPACE,
    "log_model_params": _LOGGED_MODEL,
    "log_outputs": _LOGGED_MODEL,
    "login": "set TRACKQL_TOKEN, or nothing for a server on this machine",
    "register_model": _REGISTRY,
    "run": "projects are not part of this release; start the script itself",
    "search_logged_models": _LOGGED_MODEL,
    "search_model_versions": _REGISTRY,
    "search_registered_models": _REGISTRY,
    "set_active_model": _LOGGED_MODEL,
    "set_logged_model_tags": _LOGGED_MODEL,
    "set_model_version_tag": _REGISTRY,
    "set_registry_uri": _REGISTRY,
    "set_workspace": _WORKSPACE,
    "update_workspace": _WORKSPACE,
    "validate_evaluation_results": "evaluation is not part of this release; compare the metrics "
    "of two runs with get_run",
}

OTHERS: dict[str, str] = {
    "ActiveModel": _LOGGED_MODEL,
    "catboost": _FLAVOR,
    "diffusers": _FLAVOR,
    "h2o": _FLAVOR,
    "johnsnowlabs": _FLAVOR,
    "keras": _FLAVOR,
    "lightgbm": _FLAVOR,
    "models": _MODEL,
    "onnx": _FLAVOR,
    "paddle": _FLAVOR,
    "pmdarima": _FLAVOR,
    "projects": "projects are not part of this release; start the script itself",
    "prophet": _FLAVOR,
    "pyfunc": _FLAVOR,
    "pyspark": _FLAVOR,
    "pytorch": _FLAVOR,
    "rfunc": _FLAVOR,
    "sentence_transformers": _FLAVOR,
    "shap": _FLAVOR,
    "sklearn": _FLAVOR,
    "spacy": _FLAVOR,
    "spark": _FLAVOR,
    "statsmodels": _FLAVOR,
    "system_metrics": "metrics of the machine are logged; disable_system_metrics_logging() ends it",
    "tensorflow": _FLAVOR,
    "transformers": _FLAVOR,
    "xgboost": _FLAVOR,
}


def find(name: str) -> Callable[..., NoReturn] | None:
    """A function that says what to use instead; raises it at once for what is no function."""
    if name in OTHERS:
        raise NotAvailable(f"trackql.{name}: {OTHERS[name]}")
    reason = FUNCTIONS.get(name)
    if reason is None:
        return None

    def absent(*_: Any, **__: Any) -> NoReturn:
        raise NotAvailable(f"trackql.{name}: {reason}")

    absent.__name__ = absent.__qualname__ = name
    absent.__doc__ = f"Not available: {reason}."
    return absent
