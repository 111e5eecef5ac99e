"""What the benchmarks share: arguments, alternating rounds, medians and tables."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import argparse
import csv
import sys
import time
import warnings
from statistics import median

import numpy as np


def arguments(description, rounds, **options):
    """Parse the command line; call it before TensorFlow or PyTorch are imported.

    ``options`` are further ones with their defaults, such as ``data=None``.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--quick", action="store_true", help="a small run that shows it works")
    parser.add_argument("--rounds", type=int, help=f"rounds, default {rounds} (1 with --quick)")
    parser.add_argument("--threads", type=int, help="threads of each library; default: its own")
    parser.add_argument(
        "--clock",
        choices=["wall", "cpu"],
        default="wall",
        help="cpu: the processor time of all threads, for a busy machine, with --threads 1",
    )
    parser.add_argument("--format", choices=["text", "markdown", "csv"], default="text")
    for name, default in options.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=type(default) if default else str, default=default
        )
    args = parser.parse_args()
    args.rounds = args.rounds or (1 if args.quick else rounds)
    if args.threads:
        for name in (
            "TF_NUM_INTRAOP_THREADS",
            "TF_NUM_INTEROP_THREADS",
            "OMP_NUM_THREADS",
            "OPENBLAS_NUM_THREADS",
        ):
            os.environ[name] = str(args.threads)
    if args.clock == "cpu":
        clock.now = time.process_time
    warnings.filterwarnings("ignore", module="sklearn.neural_network")  # max_iter reached
    return args


def clock(function):
    """Return the seconds that a call takes, and its result."""
    start = clock.now()
    result = function()
    return clock.now() - start, result


clock.now = time.perf_counter


def alternate(contestants, rounds, warm_up=True):
    """Time callables in turn, so that a busy spell of the machine meets all of them.

    Parameters
    ----------
    contestants : dict of str to callable
        Each returns what it reached: a loss or a score. Ours is the first.
    rounds : int
        Every round calls each once, beginning with another one each time.

    Returns
    -------
    dict of str to (times, results)
        Lists with an item a round.
    """
    names = list(contestants)
    measured = {name: ([], []) for name in names}
    if warm_up:
        for contestant in contestants.values():
            contestant()
    for i in range(rounds):
        first = i % len(names)
        for name in names[first:] + names[:first]:
            for values, value in zip(measured[name], clock(contestants[name]), strict=True):
                values.append(value)
    return measured


def ratio(measured, name, ours=None):
    """Return the median over the rounds of their time divided by ours."""
    ours = ours or next(iter(measured))
    pairs = zip(measured[name][0], measured[ours][0], strict=True)
    return median(theirs / mine for theirs, mine in pairs)


def comparison(measured, unit, reached, targets, **fixed):
    """Return the rows of a table, one for each contestant.

    Parameters
    ----------
    measured : dict
        What `alternate` returned; the first is ours.
    unit : (str, callable)
        Heading and function of the seconds, for instance ``("ms/step", ...)``.
    reached : str
        Heading of what the contestants returned.
    targets : dict of str to float
        The least ratio to each peer that we want.
    **fixed
        Columns that are the same in all rows.
    """
    heading, convert = unit
    rows = []
    for name, (times, results) in measured.items():
        gain = ratio(measured, name)
        target = targets.get(name)
        rows.append(
            {
                **fixed,
                "who": name,
                heading: convert(median(times)),
                reached: float(np.median(results)),
                "theirs/ours": gain,
                "wanted": target,
                "met": None if target is None else ("yes" if gain >= target else "NO"),
            }
        )
    return rows


def show(title, rows, form="text"):
    """Print rows, a list of dicts with the same keys, as a table."""
    heads = list(rows[0])
    cells = [[_text(row[head]) for head in heads] for row in rows]
    if form == "csv":
        csv.writer(sys.stdout).writerows([heads, *cells])
    elif form == "markdown":
        print(f"\n**{title}**\n")
        for line in (heads, ["---"] * len(heads), *cells):
            print("| " + " | ".join(line) + " |")
    else:
        print(f"\n{title}")
        widths = [max(map(len, column)) for column in zip(heads, *cells, strict=True)]
        for line in (heads, *cells):
            aligned = (
                text.ljust(width) if head == "who" else text.rjust(width)
                for text, width, head in zip(line, widths, heads, strict=True)
            )
            print("  " + "  ".join(aligned).rstrip())
    sys.stdout.flush()


def _text(value):
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def set_torch_threads(args):
    """Apply ``--threads`` to PyTorch."""
    import torch

    if args.threads:
        torch.set_num_threads(args.threads)
