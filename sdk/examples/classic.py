"""A script that was written for MLflow: only its first import has changed.

pip install trackql matplotlib
trackql server &
python classic.py
"""

import math
import tempfile
from pathlib import Path

import trackql as mlflow

CLASSES = ("cat", "dog", "owl")


def train(epochs: int, lr: float) -> list[float]:
    """A loss that falls as a real one does, without a model to wait for."""
    return [math.exp(-lr * epoch) + 0.05 for epoch in range(epochs)]


def draw(matrix: list[list[int]], file: Path) -> None:
    """A confusion matrix as a picture."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    figure, axes = plt.subplots()
    axes.imshow(matrix, cmap="Blues")
    axes.set_xticks(range(len(CLASSES)), CLASSES)
    axes.set_yticks(range(len(CLASSES)), CLASSES)
    figure.savefig(file)
    plt.close(figure)


def main() -> None:
    mlflow.set_experiment("classic")
    with mlflow.start_run(run_name="classic"), tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        mlflow.log_param("lr", 0.1)
        mlflow.log_param("epochs", 30)
        losses = train(30, 0.1)
        for step, loss in enumerate(losses):
            mlflow.log_metric("loss", loss, step=step)
            if step % 10 == 9:
                print(f"epoch {step + 1}: loss {loss:.4f}")
        draw([[30, 2, 1], [3, 28, 2], [0, 1, 33]], folder / "confusion_matrix.png")
        mlflow.log_artifact(str(folder / "confusion_matrix.png"))
        models = folder / "models"
        models.mkdir()
        (models / "weights.txt").write_text(" ".join(f"{loss:.6f}" for loss in losses))
        (models / "labels.txt").write_text("\n".join(CLASSES))
        mlflow.log_artifacts(str(models), artifact_path="models")
        mlflow.set_tag("stage", "example")


if __name__ == "__main__":
    main()
