"""The layout: what imports what, and what importing costs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import cae_sklearn

PACKAGE = Path(cae_sklearn.__file__).parent
ORDER = [  # each module imports those before it only
    "_version",
    "_sklearn",
    "_images",
    "_training",
    "_networks",
    "_convolution",
    "_whitening",
    "_denoising",
    "_autoencoders",
    "_wrapper",
    "_base",
    "_featurizer",
    "_classifier",
    "__init__",
    "_mstar",
    "caching",
    "datasets",
    "plotting",
    "search",
]


def imports_of(path):
    """Return the names of the package's modules and of the packages that a module imports."""
    own, others = set(), set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            own |= {node.module.split(".")[0]} if node.module else {a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom):
            others.add(node.module.split(".")[0])
        elif isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
    return own, others


MODULES = sorted(PACKAGE.glob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_imports_run_downwards(path):
    own, _ = imports_of(path)
    assert own <= set(ORDER[: ORDER.index(path.stem)])


def test_layers_keep_to_their_libraries():
    others = {path.stem: imports_of(path)[1] for path in MODULES}
    assert {name for name, found in others.items() if "scikeras" in found} == {"_wrapper"}
    for name in (
        "_training",
        "_networks",
        "_convolution",
        "_whitening",
        "_denoising",
        "_autoencoders",
    ):
        assert "sklearn" not in others[name]
    for name in ("_images", "_featurizer", "_classifier", "__init__", "plotting", "search"):
        assert "tensorflow" not in others[name]


def test_private_scikit_learn_stands_in_one_place():
    private = {
        path.stem
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        and (node.module or "").startswith("sklearn")
        and ("._" in node.module or any(alias.name.startswith("_") for alias in node.names))
    }
    assert private <= {"_sklearn"}


def run(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_importing_is_free_of_tensorflow():
    code = (
        "import sys, cae_sklearn, cae_sklearn.caching, cae_sklearn.plotting, cae_sklearn.datasets\n"
        "heavy = {'tensorflow', 'keras', 'scikeras', 'skopt', 'matplotlib', 'PIL'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    assert run(code).stdout.strip() == "[]"


def test_importing_loads_no_package_that_scikit_learn_does_not():
    code = (
        "import sys, sklearn.pipeline\n"
        "before = {name.split('.')[0] for name in sys.modules}\n"
        "import cae_sklearn\n"
        "print(sorted({name.split('.')[0] for name in sys.modules} - before))"
    )
    assert run(code).stdout.strip() == "['cae_sklearn']"
