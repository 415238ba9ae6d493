"""Asks with the SDK: python sdk/examples/ask/ask.py [folder of experiments]"""

import sys

import trackql

ADAM = "params.optimizer = 'adam' AND metrics.accuracy IS NOT NULL"


def main() -> None:
    folder = sys.argv[1] if len(sys.argv) > 1 else None
    best = trackql.runs_table(
        columns=["metrics.accuracy", "name"],
        filter=ADAM,
        order_by=["metrics.accuracy DESC"],
        folder=folder,
        max_results=10,
        as_="dict",
    )
    for row in zip(best["metrics.accuracy"], best["name"], best["run_id"], strict=True):
        print(*row, sep="\t")
    print()
    for group in trackql.Client().run_groups(
        by=["params.optimizer"],
        measures=["metrics.accuracy"],
        folder=folder,
        order_by="mean(metrics.accuracy)",
    ):
        mean = group["mean(metrics.accuracy)"]
        optimizer = group["params.optimizer"] or "none"
        print(optimizer, group["runs"], "" if mean is None else mean, sep="\t")


if __name__ == "__main__":
    main()
