"""The commands ``python -m cae_sklearn tune`` and ``python -m cae_sklearn reproduce``."""

import argparse
import atexit
import contextlib
import multiprocessing
import os
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path


def main(argv=None):
    """Run a command with the given arguments, by default those of the process."""
    args = get_parser().parse_args(argv)
    try:
        check(args)
        command = import_module(f"cae_sklearn._commands._{args.command}")
        images = command.load_images(args)
        args.output.mkdir(parents=True, exist_ok=True)
    except (ImportError, OSError, ValueError) as error:
        args.error(str(error))
    command.run(images, args)


def check(args):
    """Raise for options that would fail after minutes of work."""
    if find_spec("matplotlib") is None:
        raise ImportError("The pictures need matplotlib: pip install cae_sklearn[plot]")
    if args.n_jobs == 0 or not 0 <= args.seed < 2**32:
        raise ValueError("--n-jobs must not be 0, and --seed lie between 0 and 2**32 - 1.")


def get_parser():
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m cae_sklearn",
        description="Tune a pipeline on images, or reproduce the four approaches.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    add_tune(commands)
    add_reproduce(commands)
    return parser


def add_tune(commands):
    """Add the command that tunes a pipeline on images."""
    parser = commands.add_parser(
        "tune",
        help="tune a pipeline of autoencoder and classifier on images",
        description="Tune a pipeline of autoencoder and classifier on images. A grid search and a "
        "Bayesian search are scored by cross-validation. The better of the two is judged, once, on "
        "held-out images. A table is printed, and pictures are written to a folder.",
    )
    parser.add_argument(
        "--data",
        default="digits",
        help="digits (default), cifar10, FILE.npz with x_train, y_train, x_test and y_test, "
        "FOLDER with one sub-folder a class, or FOLDER with two such folders, TRAIN and TEST. The "
        "files are images or chips of the MSTAR radar data",
    )
    parser.add_argument(
        "--image-size",
        type=int,
        nargs=2,
        metavar=("HEIGHT", "WIDTH"),
        help="scale the images of a folder to this size; the size to which MSTAR chips are cut "
        "(64 64 by default); the shape of flat images in a .npz",
    )
    parser.add_argument(
        "--crop",
        action="store_true",
        help="cut or pad the images of a folder to --image-size about their centre instead of "
        "scaling them",
    )
    parser.add_argument("--n-train", type=int, help="use so many of the training images only")
    add_common(parser, n_jobs="", quick="few images, few trials", output="demo_output")


def add_reproduce(commands):
    """Add the command that runs the four approaches."""
    parser = commands.add_parser(
        "reproduce",
        help="run the four approaches of the notebook that this package grew out of",
        description="Run the notebook's four approaches as it did, and as they should be.",
    )
    parser.add_argument(
        "--data",
        default="cifar10",
        help="cifar10 (default, through keras.datasets), FILE.npz with x_train, y_train, x_test "
        "and y_test, or FOLDER with CIFAR-10's python batches",
    )
    parser.add_argument("--protocol", choices=["original", "sound", "both"], default="both")
    parser.add_argument(
        "--approaches", type=int, nargs="+", choices=[1, 2, 3, 4], default=[1, 2, 3, 4]
    )
    add_common(
        parser,
        n_jobs="; a Bayesian search proposes as many points at a time",
        quick="1000 images, short fits, few trials",
        output="four_approaches",
    )


def add_common(parser, n_jobs, quick, output):
    """Add the options of all commands."""
    parser.add_argument("--n-jobs", type=int, default=1, help=f"processes of the searches{n_jobs}")
    parser.add_argument("--seed", type=int, default=0, help="seed of all that is random")
    parser.add_argument("--quick", action="store_true", help=f"a taste: {quick}")
    parser.add_argument(
        "--output", type=Path, default=output, help=f"folder for what is written ({output})"
    )
    parser.set_defaults(error=parser.error)


def end_workers():
    """End idle workers at once, which would take seconds to end by themselves."""
    if multiprocessing.active_children():
        from joblib.externals.loky import get_reusable_executor

        get_reusable_executor(reuse=True).shutdown(kill_workers=True)


def end_process():
    """Skip what is left to do at the exit: TensorFlow frees its memory in seconds."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    exits = contextlib.ExitStack()
    atexit.register(exits.close)  # before anything else is registered, so that it is called last
    main()
    end_workers()
    exits.callback(end_process)  # an error, on the other hand, ends the process as usual
