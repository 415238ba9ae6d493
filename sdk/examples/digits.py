"""Learns to read handwritten digits, three times, and logs everything while it learns.

trackql server &
python sdk/examples/digits.py
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits
from sklearn.kernel_approximation import RBFSampler
from sklearn.linear_model import SGDClassifier
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    confusion_matrix,
    log_loss,
    recall_score,
)
from sklearn.model_selection import train_test_split

import trackql

BATCH = 64

CONFIGS: list[dict[str, str | int | float]] = [
    {"name": "linear", "features": 64, "gamma": 0.0, "rate": 0.02, "decay": 0.0, "alpha": 1e-4},
    {"name": "kernel", "features": 400, "gamma": 0.1, "rate": 0.2, "decay": 0.0, "alpha": 1e-5},
    {"name": "decayed", "features": 1000, "gamma": 0.1, "rate": 0.5, "decay": 2e-3, "alpha": 1e-6},
]


class Record:
    """Keeps, in a file of its own, each value that was logged, by its exact bits."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("w")

    def log(self, values: dict[str, float], step: int) -> None:
        trackql.log_metrics(values, step=step)
        for key, value in values.items():
            self._file.write(json.dumps([key, step, float(value).hex()]) + "\n")

    def close(self) -> None:
        self._file.close()


@contextmanager
def recorded(folder: Path | None, run_id: str) -> Iterator[Record]:
    """A record in `folder`, or in none."""
    record = Record(folder / f"{run_id}.jsonl" if folder else Path("/dev/null"))
    try:
        yield record
    finally:
        record.close()


def train(config: dict[str, str | int | float], seconds: float, folder: Path | None) -> None:
    """One run: stochastic gradient descent on random kernel features."""
    digits = load_digits()
    data = train_test_split(
        digits.data / 16, digits.target, test_size=0.25, random_state=0, stratify=digits.target
    )
    seen, unseen, labels, truth = data
    gamma = float(config["gamma"])
    if gamma:
        kernel = RBFSampler(gamma=gamma, n_components=int(config["features"]), random_state=0)
        seen, unseen = kernel.fit_transform(seen), kernel.transform(unseen)
    model = SGDClassifier(
        loss="log_loss", learning_rate="constant", eta0=config["rate"], alpha=config["alpha"]
    )
    shuffle = np.random.default_rng(0)
    classes = np.unique(labels)
    deadline = time.monotonic() + seconds

    with (
        trackql.start_run(run_name=str(config["name"])) as run,
        recorded(folder, run.info.run_id) as record,
    ):
        trackql.log_params({**config, "batch": BATCH, "train": len(seen), "test": len(unseen)})
        trackql.set_tag("data", "scikit-learn digits")
        trackql.log_input(trackql.data.from_numpy(digits.data, name="digits"), context="training")
        step = epoch = 0
        while epoch < 2 or time.monotonic() < deadline:
            order = shuffle.permutation(len(seen))
            for start in range(0, len(order), BATCH):
                batch = order[start : start + BATCH]
                rate = float(config["rate"]) / (1 + float(config["decay"]) * step)
                model.set_params(eta0=rate)
                model.partial_fit(seen[batch], labels[batch], classes=classes)
                loss = log_loss(labels[batch], model.predict_proba(seen[batch]), labels=classes)
                record.log({"loss/batch": loss, "learning_rate": rate}, step)
                step += 1
            epoch += 1
            record.log(scores("train", model, seen, labels), step)
            record.log(scores("test", model, unseen, truth), step)
            recalls = recall_score(truth, model.predict(unseen), average=None, labels=classes)
            record.log(
                {f"recall/{c}": value for c, value in zip(classes, recalls, strict=True)}, step
            )
            if epoch % 10 == 0:
                print(f"epoch {epoch}: loss {loss:.4f}, worst recall {min(recalls):.3f}")
                run.log({"weights": trackql.Histogram(model.coef_)}, step=step)
        guesses = model.predict(unseen)
        trackql.log_text(classification_report(truth, guesses), "report.txt")
        names = ["digit", *(f"as {c}" for c in classes)]
        rows = [
            [int(c), *row]
            for c, row in zip(classes, confusion_matrix(truth, guesses).tolist(), strict=True)
        ]
        run.log({"confusion": trackql.Table(names, rows)}, step=step)


def scores(
    part: str, model: SGDClassifier, data: np.ndarray, labels: np.ndarray
) -> dict[str, float]:
    """Loss and accuracy on one part of the data."""
    chances = model.predict_proba(data)
    return {
        f"loss/{part}": log_loss(labels, chances),
        f"accuracy/{part}": accuracy_score(labels, model.classes_[chances.argmax(axis=1)]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="Train three classifiers of digits.")
    parser.add_argument("--seconds", type=float, default=60, help="about how long, in all")
    parser.add_argument("--record", type=Path, help="folder to also write every value into")
    options = parser.parse_args()
    trackql.set_experiment("digits")
    for config in CONFIGS:
        train(config, options.seconds / len(CONFIGS), options.record)


if __name__ == "__main__":
    main()
