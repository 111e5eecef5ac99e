"""The layout: what imports what, what importing costs, and how long things may be."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import cae_sklearn

PACKAGE = Path(cae_sklearn.__file__).parent
FLOORS = [  # each imports those before it; within a folder nothing runs in circles
    {"_version", "_saving", "_steps"},
    {"_sklearn", "_tasks"},
    {"_arrays"},
    {"_labels", "_held_out"},
    {"_validation"},
    {"_training"},
    {"_networks"},
    {"_progress", "_interrupts", "_scoring"},
    {"_base", "_prediction", "_reconstruction"},
    {"_featurizer", "_classifier"},
    {"onnx"},
    {"__init__"},
    {"_tokens"},
    {"caching", "datasets", "plotting", "search"},
    {"_commands"},
    {"__main__"},
]
FOREIGN = {  # private names of other libraries: the file, what it uses, and why
    "_arrays/gradient_registry.py": {
        "tensorflow.python": "TensorFlow has no public way to forget a registered gradient",
        "_registry": "the entries; where a release has none, nothing is forgotten",
        "__closure__": "read, never written: it tells whose gradient an entry is",
        "cell_contents": "as above",
    },
    "_training/trainer.py": {
        "_loss_tracker": "Keras 3 has no public way to the tracker of the loss of compile()",
    },
    "_training/callbacks.py": {
        "_model": "a CallbackList of Keras keeps the model that it was given under this name",
    },
    "__main__.py": {
        "_exit": "public, for all its name: the process ends without seconds of tidying up",
    },
    "_tasks.py": {
        "_init_callback_context": "scikit-learn 1.9 starts the callbacks of a fit by it alone",
        "_skl_callbacks": "tells whether there are callbacks; where it is missing there are none",
    },
}
LIMITS = {"file": 450, "function": 60}  # lines; of a function those of code, without its docstring


def modules():
    """Return the syntax trees of all modules by name, such as "_training.pool" or "search"."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        *folders, stem = path.relative_to(PACKAGE).with_suffix("").parts
        name = ".".join(folders if folders and stem == "__init__" else [*folders, stem])
        found[name] = ast.parse(path.read_text(encoding="utf-8"))
    return found


MODULES = modules()
FILES = {path.relative_to(PACKAGE).as_posix(): path for path in sorted(PACKAGE.rglob("*.py"))}


def floor(name):
    top = name.split(".")[0]
    return next((i for i, names in enumerate(FLOORS) if top in names), None)


def imports_of(name):
    """Return the modules of the package, and those of others, that a module names anywhere."""
    own, others = set(), set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            start = absolute(name, node)
            names = [f"{start}.{alias.name}" for alias in node.names]
        else:
            continue
        for imported in names:
            package, *rest = imported.split(".")
            if package == "cae_sklearn":
                own.add(longest_known(rest))
            else:
                others.add(imported)
    return own - {name}, others


def absolute(name, node):
    """Return where an import looks, as a name from the root."""
    if not node.level:
        return node.module
    folder = PACKAGE / Path(*name.split("."))
    parts = name.split(".") if folder.is_dir() else name.split(".")[:-1]
    parts = parts[: len(parts) - node.level + 1]
    return ".".join(["cae_sklearn", *parts, *([node.module] if node.module else [])])


def longest_known(parts):
    """Return the module that an imported name is, or belongs to."""
    while parts and ".".join(parts) not in MODULES:
        parts = parts[:-1]
    return ".".join(parts) or "__init__"


IMPORTS = {name: imports_of(name) for name in MODULES}


def all_imports_of(name):
    """Return the other libraries that a module and those below it name, with their parts."""
    seen, left = set(), {name}
    while left:
        seen |= left
        left = set().union(*(IMPORTS[module][0] for module in left)) - seen
    return set().union(*(IMPORTS[module][1] for module in seen))


def uses(name, package):
    return any(imported.split(".")[0] == package for imported in all_imports_of(name))


def in_folders(*folders):
    return [name for name in MODULES if name.split(".")[0] in folders]


def test_the_parser_sees_every_kind_of_import():
    assert "_training.keras_loop" in IMPORTS["_training.trainer"][0]  # from . import name
    assert "_arrays.confined" in IMPORTS["_training.trainer"][0]  # from ..folder.file import name
    assert "_networks.mlp" in IMPORTS["_classifier"][0]  # within a function
    assert uses("_classifier", "tensorflow")
    assert "keras" in {name.split(".")[0] for name in IMPORTS["_base"][1]}


@pytest.mark.parametrize("name", MODULES)
def test_imports_run_downwards(name):
    assert floor(name) is not None, f"{name} stands on no floor"
    for imported in IMPORTS[name][0]:
        same_folder = imported.split(".")[0] == name.split(".")[0]
        assert same_folder or floor(imported) < floor(name), f"{name} imports {imported}"


def test_no_imports_run_in_circles():
    TopologicalSorter({name: own for name, (own, _) in IMPORTS.items()}).prepare()


@pytest.mark.parametrize("name", in_folders("_arrays"))
def test_numbers_know_neither_scikit_learn_nor_keras(name):
    assert not uses(name, "sklearn") and not uses(name, "keras")


@pytest.mark.parametrize("name", in_folders("_training", "_networks"))
def test_networks_do_not_know_scikit_learn(name):
    assert not uses(name, "sklearn")


def test_some_libraries_stand_in_one_file():
    direct = {name: {other.split(".")[0] for other in IMPORTS[name][1]} for name in MODULES}
    assert {name for name in MODULES if "scikeras" in direct[name]} == {"_training.scikeras"}
    assert {name for name in MODULES if "skopt" in direct[name]} <= {"search._skopt"}
    onnx = {"onnx", "skl2onnx"}
    assert {name for name in MODULES if onnx & direct[name]} <= set(in_folders("onnx"))
    deep = in_folders("_arrays", "_training", "_networks")
    assert {name for name in MODULES if "tensorflow" in direct[name]} <= set(deep)


@pytest.mark.parametrize("name", sorted(set(MODULES) - {"_sklearn"}))
def test_private_scikit_learn_stands_in_one_file(name):
    for imported in IMPORTS[name][1]:
        assert not imported.startswith("sklearn.") or "._" not in imported, imported


# -- private names of other libraries -----------------------------------------------


def defined_names(node):
    """Return the names that a node of a syntax tree defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
        return {node.id}
    own = isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    if own and node.value.id in ("self", "cls") and isinstance(node.ctx, ast.Store):
        return {node.attr}
    return set()


NODES = [node for tree in MODULES.values() for node in ast.walk(tree)]
OWN = set().union(*map(defined_names, NODES))
OWN |= {"_asdict", "_replace", "_fields"}  # those of named tuples are public


def foreign_names(tree):
    """Return the private names that a module takes from elsewhere."""
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            if node.func.id in ("getattr", "setattr", "hasattr", "delattr"):
                found |= {arg.value for arg in node.args[1:2] if isinstance(arg, ast.Constant)}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found |= set(node.module.split(".")) | {alias.name for alias in node.names}
            found |= {"tensorflow.python"} & {".".join(node.module.split(".")[:2])}
    private = {name for name in found if name.startswith("_") and not name.endswith("__")}
    surgery = {"__closure__", "__code__", "__globals__", "cell_contents", "tensorflow.python"}
    return (private - OWN) | (found & surgery)


@pytest.mark.parametrize("file", sorted(set(FILES) - {"_sklearn.py"}))
def test_private_names_of_other_libraries_have_a_reason(file):
    tree = ast.parse(FILES[file].read_text(encoding="utf-8"))
    assert foreign_names(tree) == set(FOREIGN.get(file, {}))


def test_private_names_are_found():
    code = """
from tensorflow.python.eager import context
from joblib._store_backends import _x
model._made_function = None
getattr(search, "_cache")
fit.__closure__[0].cell_contents = 3
self._adopt(X), self.__class__, _local, record._asdict()
"""
    expected = {"tensorflow.python", "_store_backends", "_x", "_made_function", "_cache", "_adopt"}
    assert foreign_names(ast.parse(code)) == expected | {"__closure__", "cell_contents"}


# -- size ---------------------------------------------------------------------------


@pytest.mark.parametrize("file", FILES)
def test_files_and_functions_are_short(file):
    text = FILES[file].read_text(encoding="utf-8")
    n_lines = len(text.splitlines())
    assert n_lines <= LIMITS["file"]
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            first, *_ = node.body
            is_docstring = isinstance(first, ast.Expr) and ast.get_docstring(node)
            docstring = first.end_lineno - first.lineno + 1 if is_docstring else 0
            n_lines = node.end_lineno - node.lineno + 1 - docstring
            assert n_lines <= LIMITS["function"], node.name


# -- what importing costs -----------------------------------------------------------


@pytest.fixture(scope="module")
def loaded():
    """Return the packages that a new process has after each of three imports."""
    code = (
        "import sys\n"
        "def tell(): print(*sorted({name.split('.')[0] for name in sys.modules}))\n"
        "import sklearn.pipeline; tell()\n"
        "import cae_sklearn; tell()\n"
        "import cae_sklearn.caching, cae_sklearn.plotting, cae_sklearn.datasets; tell()"
    )
    process = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return [set(line.split()) for line in process.stdout.splitlines()]


def test_importing_loads_no_package_that_scikit_learn_does_not(loaded):
    before, after, _ = loaded
    assert after - before == {"cae_sklearn"}


def test_importing_is_free_of_tensorflow(loaded):
    heavy = {"tensorflow", "keras", "scikeras", "skopt", "matplotlib", "PIL"}
    assert not heavy & loaded[-1]
