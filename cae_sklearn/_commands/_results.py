"""The results of ``reproduce`` as a file and as printed tables.

``results.csv`` has a line for each candidate of each approach. Under the original protocol all have
a test accuracy; under the sound one only the chosen candidates do. It is written anew after each
approach.
"""

import csv

from ._print import accuracy, clock, print_table, say
from ._protocols import ELSEWHERE, NOTEBOOK, PROTOCOLS


def records(protocol, approach, result, images):
    """Return a record of each candidate, with the notebook's accuracy for the same setting."""
    found = result.search.cv_results_
    notebook = NOTEBOOK[approach] if images.is_cifar10 else ELSEWHERE
    kind = f"{PROTOCOLS[protocol].chooses}_accuracy"
    table = []
    for i, params in enumerate(found["params"]):
        batch_size, learning_rate = params["clf__batch_size"], params["clf__learning_rate"]
        record = {
            "data": images.name,
            "protocol": protocol,
            "approach": approach,
            "trial": i + 1,
            "batch_size": batch_size,
            "learning_rate": learning_rate,
            "alpha": params["clf__alpha"],
            "l1_ratio": params["clf__l1_ratio"],
            "validation_accuracy": None,
            "test_accuracy": None,
            "notebook_test_accuracy": notebook.grid.get((batch_size, learning_rate)),
            "notebook_best_test_accuracy": notebook.best,
            "fit_seconds": round(float(found["mean_fit_time"][i]), 2),
            "chosen": i == result.search.best_index_,
            "wall_seconds": None,
        }
        record[kind] = float(found["mean_test_score"][i])
        if record["chosen"]:
            record |= {
                "test_accuracy": result.test_accuracy,
                "wall_seconds": round(result.seconds, 1),
            }
        table.append(record)
    return table


def write_csv(table, path):
    """Write records under their names."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, table[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def summary(record):
    """Return the record of a chosen candidate as texts for the printed table."""
    compared = record["notebook_best_test_accuracy"] is not None
    notebook = NOTEBOOK[record["approach"]] if compared else ELSEWHERE
    return {
        "approach": str(record["approach"]),
        "protocol": record["protocol"],
        **setting(record),
        "alpha": f"{record['alpha']:.2e}",
        "l1_ratio": f"{record['l1_ratio']:.3f}",
        "validation": accuracy(record["validation_accuracy"]),
        "test": accuracy(record["test_accuracy"]),
        "notebook": accuracy(record["notebook_best_test_accuracy"]),
        "wall time": clock(record["wall_seconds"]),
        "notebook's": notebook.time,
    }


def setting(record):
    """Return what the grids vary, as texts."""
    return {
        "batch size": str(record["batch_size"]),
        "learning rate": f"{record['learning_rate']:.2e}",
    }


def print_grids(table):
    """Print the accuracies of the grids, protocols and the notebook side by side."""
    for approach in sorted({record["approach"] for record in table} & {1, 2}):
        cells = {}
        for record in (record for record in table if record["approach"] == approach):
            cell = cells.setdefault(record["trial"], setting(record))
            kind = PROTOCOLS[record["protocol"]].chooses
            cell[f"{record['protocol']}, {kind}"] = accuracy(record[f"{kind}_accuracy"])
            cell["notebook, test"] = accuracy(record["notebook_test_accuracy"])
        say(f"\nAccuracies of approach {approach}")
        print_table(list(cells.values()))
