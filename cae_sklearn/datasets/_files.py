"""Files of class folders, in a fixed order; what is left out is counted and named."""

import os
import stat
from collections import Counter
from pathlib import Path

import numpy as np

CLASS_FOLDERS = "Pass the folder that holds the class folders, as in folder/CLASS/FILE."
IN_CLASSES = ", in one sub-folder a class"
_NO_DATA = frozenset(["__MACOSX", "Thumbs.db", "desktop.ini"])  # what file managers leave behind


def open_regular(path):
    """Open a regular file for reading; a pipe would wait for ever, a device would not end."""
    stream = open(path, "rb", opener=_open_without_waiting)  # noqa: SIM115
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise ValueError(f"{path} must be a regular file, but is a pipe or a device; remove it")
    return stream


def _open_without_waiting(path, flags):
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class LeftOut:
    """Counts the files of a folder that are not read, by their suffix."""

    def __init__(self):
        self.counts, self.examples = Counter(), {}

    def add(self, path, place=""):
        kind = (path.suffix or "without a suffix") + place
        self.counts[kind] += 1
        self.examples.setdefault(kind, path)

    def message(self, what):
        """Say what was left out because it is not `what`; empty if nothing was."""
        if not self.counts:
            return ""
        kinds = ", ".join(
            f"{count} {kind} (such as {self.examples[kind]})"
            for kind, count in sorted(self.counts.items())
        )
        return f"Left out {self.counts.total()} files, which are no {what}: {kinds}."


def find_files(top, wanted, left_out):
    """Yield the files below `top` that `wanted` accepts, in a fixed order."""
    for folder, subfolders, files in os.walk(top, onerror=_raise):
        subfolders[:] = sorted(name for name in subfolders if not _hidden(name))
        for name in sorted(files):
            path = Path(folder, name)
            if _hidden(name):
                continue
            if wanted(path):
                yield path
            else:
                left_out.add(path)


def _raise(error):
    raise error


def _hidden(name):
    return name.startswith(".") or name in _NO_DATA


def find_class_files(root, wanted, left_out):
    """Return the class names, the files, and the class number of each file."""
    entries = sorted(path for path in root.iterdir() if not _hidden(path.name))
    names = [path.name for path in entries if path.is_dir()]
    for path in entries:
        if not path.is_dir() and wanted(path):
            left_out.add(path, " outside the class folders")
    groups = [list(find_files(root / name, wanted, left_out)) for name in names]
    target = np.repeat(np.arange(len(names)), [len(group) for group in groups])
    return names, [path for group in groups for path in group], target


def no_files(root, what, where, left_out, remedy):
    """Return the error of a folder in which nothing can be read."""
    found = f" {left_out.message(what)}" if left_out.counts else ""
    return ValueError(
        f"folder must hold {what}{where}; got {str(root)!r}, which has none.{found} {remedy}"
    )


def empty_classes(names, target):
    """Say which class folders have no file; empty if none."""
    empty = [names[number] for number in np.setdiff1d(np.arange(len(names)), target)]
    if not empty:
        return ""
    return f"No file to read in the class folders {', '.join(empty)}; they stay in target_names."
