"""The machine and the packages that a script runs with."""

from __future__ import annotations

import csv
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import _redact, config

# Variables that say how a script runs and hold no secret; a `*` at the end stands for more.
VARIABLES = (
    "CI", "CI_COMMIT_SHA", "CI_JOB_ID", "CI_PIPELINE_ID", "CONDA_DEFAULT_ENV",
    "CUBLAS_WORKSPACE_CONFIG", "CUDA_DEVICE_ORDER", "CUDA_LAUNCH_BLOCKING", "CUDA_VERSION",
    "CUDA_VISIBLE_DEVICES",
    "GITHUB_REF", "GITHUB_RUN_ID", "GITHUB_SHA", "GITHUB_WORKFLOW", "GROUP_RANK",
    "HIP_VISIBLE_DEVICES", "HOSTNAME", "JAX_PLATFORMS", "JAX_ENABLE_X64", "KMP_AFFINITY",
    "KMP_BLOCKTIME", "LANG", "LC_ALL", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "LSB_JOBID",
    "MASTER_PORT", "MKL_NUM_THREADS", "NCCL_*", "NODE_RANK", "NUMEXPR_NUM_THREADS",
    "NVIDIA_VISIBLE_DEVICES", "OMP_*", "OMPI_COMM_WORLD_LOCAL_RANK", "OMPI_COMM_WORLD_RANK",
    "OMPI_COMM_WORLD_SIZE", "OPENBLAS_NUM_THREADS", "PBS_JOBID", "PYTHONHASHSEED",
    "PYTHONOPTIMIZE", "PYTORCH_CUDA_ALLOC_CONF", "RANK", "ROCR_VISIBLE_DEVICES",
    "SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID", "SLURM_CLUSTER_NAME", "SLURM_CPUS_PER_TASK",
    "SLURM_JOB_ID", "SLURM_JOB_NAME", "SLURM_JOB_NODELIST", "SLURM_JOB_NUM_NODES",
    "SLURM_JOB_PARTITION", "SLURM_LOCALID", "SLURM_NODEID", "SLURM_NTASKS", "SLURM_PROCID",
    "TF_CUDNN_DETERMINISTIC", "TF_DETERMINISTIC_OPS", "TOKENIZERS_PARALLELISM",
    "TORCH_CUDNN_DETERMINISTIC", "TPU_NAME", "TZ", "VIRTUAL_ENV", "WORLD_SIZE", "XLA_FLAGS",
)  # fmt: skip
LONGEST = 1_000  # characters of a variable's value
SMI = ("--query-gpu=name,memory.total,driver_version", "--format=csv,noheader,nounits")
SMI_TIMEOUT = 5.0


def describe() -> dict[str, Any]:
    """All but the packages."""
    return {
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "cpu": cpu(),
        "cpuCount": cpu_count(),
        "memory": memory(),
        "gpus": gpus(),
        "hostname": socket.gethostname(),
        "variables": variables(),
    }


def cpu() -> str:
    """The processor's model."""
    with suppress(OSError), open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model", "cpu model"):
                return value.strip()
    return platform.processor() or platform.machine()


def cpu_count() -> int | None:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count()


def memory() -> int | None:
    """Bytes of the machine's memory."""
    with suppress(ValueError, OSError, AttributeError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def gpus() -> list[dict[str, Any]]:
    """Graphics processors, as NVIDIA's library or command lists them."""
    with suppress(Exception):
        import pynvml  # type: ignore[import-not-found,import-untyped,unused-ignore]

        return _by_library(pynvml)
    command = shutil.which("nvidia-smi")
    if command is None:
        return []
    try:
        done = subprocess.run(
            [command, *SMI],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SMI_TIMEOUT,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return []
    found = []
    for row in csv.reader(done.stdout.splitlines(), skipinitialspace=True):
        if len(row) == 3:
            size = int(row[1]) * 2**20 if row[1].strip().isdigit() else None
            found.append({"name": row[0], "memory": size, "driver": row[2]})
    return found


def _by_library(nvml: Any) -> list[dict[str, Any]]:
    def text(value: Any) -> str:
        return value.decode() if isinstance(value, bytes) else str(value)

    nvml.nvmlInit()
    try:
        driver = text(nvml.nvmlSystemGetDriverVersion())
        found = []
        for place in range(nvml.nvmlDeviceGetCount()):
            handle = nvml.nvmlDeviceGetHandleByIndex(place)
            size = int(nvml.nvmlDeviceGetMemoryInfo(handle).total)
            name = text(nvml.nvmlDeviceGetName(handle))
            found.append({"name": name, "memory": size, "driver": driver})
        return found
    finally:
        nvml.nvmlShutdown()


def variables() -> list[dict[str, str]]:
    """Variables of the environment that are on the list."""
    more = config.ENVIRONMENT_VARIABLES.read().replace(",", " ").split()
    listed = (*VARIABLES, *more)
    exact = {name for name in listed if not name.endswith("*")}
    starts = tuple(name[:-1] for name in listed if name.endswith("*") and len(name) > 1)
    found = []
    for name, value in sorted(os.environ.items()):
        if name not in exact and not (starts and name.startswith(starts)):
            continue
        if name == "VIRTUAL_ENV":
            value = os.path.basename(value)
        found.append({"name": name, "value": _redact.variable(name, value)[:LONGEST]})
    return found


# -- packages


@dataclass(frozen=True)
class Installed:
    """A distribution; `line` is what a file of requirements says of it."""

    name: str
    version: str
    line: str


def packages() -> list[Installed]:
    """Installed distributions by name, those that are imported where there are several."""
    found: dict[str, Installed] = {}
    for place in dict.fromkeys(sys.path):
        try:
            entries = sorted(os.listdir(place or "."))
        except OSError:
            continue
        for entry in entries:
            stem, dot, kind = entry.rpartition(".")
            if not dot or kind not in ("dist-info", "egg-info"):
                continue
            installed = _installed(Path(place or ".") / entry, stem, kind)
            if installed is not None:
                found.setdefault(_plain(installed.name), installed)
    return [found[name] for name in sorted(found)]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-").replace(".", "-")


def _installed(path: Path, stem: str, kind: str) -> Installed | None:
    name, dash, version = stem.partition("-")
    if kind == "egg-info":
        version = version.partition("-py")[0]
    if not name or not dash or not version:
        told = _metadata(path)
        if told is None:
            return None
        name, version = told
    name = name.replace("_", "-")
    return Installed(name, version, _line(path, name, version))


def _metadata(path: Path) -> tuple[str, str] | None:
    """Name and version as a distribution's own words say."""
    for file in (path / "METADATA", path / "PKG-INFO", path):
        with suppress(OSError):
            head: dict[str, str] = {}
            with file.open(encoding="utf-8", errors="replace") as lines:
                for line in lines:
                    if not line.strip():
                        break
                    key, _, value = line.partition(":")
                    head.setdefault(key.strip().lower(), value.strip())
            if head.get("name") and head.get("version"):
                return head["name"], head["version"]
    return None


def _line(path: Path, name: str, version: str) -> str:
    """How it can be installed again."""
    pin = f"{name}=={version}"
    try:
        told = json.loads((path / "direct_url.json").read_text(encoding="utf-8"))
        url = _redact.address(str(told["url"]))
    except (OSError, ValueError, KeyError, TypeError):
        return pin
    folder = told.get("subdirectory")
    behind = f"#subdirectory={folder}" if folder else ""
    if vcs := told.get("vcs_info"):
        return f"{name} @ {vcs['vcs']}+{url}@{vcs['commit_id']}{behind}"
    if url.startswith("file:") or "dir_info" in told:
        editable = "-e " if told.get("dir_info", {}).get("editable") else ""
        return f"# {pin} was installed from {editable}{url}"
    return f"{name} @ {url}{behind}"


def lock(installed: list[Installed]) -> str:
    """A file for `pip install -r`."""
    head = f"# Python {platform.python_version()} on {platform.system()} {platform.machine()}\n"
    return head + "".join(f"{each.line}\n" for each in installed)
