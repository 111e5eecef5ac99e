"""The pages show what was measured."""

import csv
import importlib.util
import re
import shutil
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from code_blocks import PAGES, python_blocks
from PIL import Image, ImageDraw

DOCS = Path(__file__).parents[1] / "docs"


def benchmark(name):
    """Return the module of a benchmark."""
    path = DOCS.parent / "benchmarks" / f"{name}.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(page, title):
    """Return the rows of a page's table below a title, as lists of texts."""
    part = page.split(f"## {title}\n")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def accuracy(text):
    return f"{float(text):.4f}" if text else "-"


@pytest.fixture(scope="module")
def page():
    return (DOCS / "four_approaches.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def trials():
    with (DOCS / "four_approaches.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def test_the_page_of_the_four_approaches_shows_the_chosen_candidates(page, trials):
    chosen = [row for row in trials if row["chosen"] == "True"]
    expected = [
        [
            row["approach"],
            row["protocol"],
            row["batch_size"],
            f"{float(row['learning_rate']):.2e}",
            f"{float(row['alpha']):.2e}",
            f"{float(row['l1_ratio']):.3f}",
            accuracy(row["validation_accuracy"]),
            accuracy(row["test_accuracy"]),
            accuracy(row["notebook_best_test_accuracy"]),
            "{}:{:02}".format(*divmod(round(float(row["wall_seconds"])), 60)),
        ]
        for row in sorted(chosen, key=lambda row: (row["approach"], row["protocol"]))
    ]
    assert [row[:-1] for row in table(page, "What was chosen")] == expected
    assert {row["data"] for row in trials} == {"cifar10"}


def test_the_page_of_the_four_approaches_shows_the_grids(page, trials):
    cells = {
        (row["approach"], row["protocol"], row["batch_size"], float(row["learning_rate"])): row
        for row in trials
        if row["approach"] in "12"
    }
    shown = table(page, "The grids")
    assert len(shown) == len(cells) / 4 == 8
    for batch_size, rate, notebook, *accuracies in shown:
        rows = [
            cells[approach, protocol, batch_size, float(rate)]
            for approach in "12"
            for protocol in ("original", "sound")
        ]
        assert notebook == accuracy(rows[0]["notebook_test_accuracy"])
        kinds = ["test_accuracy", "validation_accuracy"] * 2
        assert accuracies == [accuracy(row[kind]) for row, kind in zip(rows, kinds, strict=True)]


def test_the_page_of_the_features_shows_what_was_measured(tmp_path):
    bench = benchmark("bench_features")
    rows = bench.read(DOCS / "features" / "features.csv")
    page = tmp_path / "features.md"
    shutil.copy(DOCS / "features.md", page)
    bench.write_page(page, rows)
    assert page.read_text(encoding="utf-8") == (DOCS / "features.md").read_text(encoding="utf-8")
    for part, names in bench.PARTS.items():
        assert f"<!-- {part} -->" in page.read_text(encoding="utf-8")
        measured = [(row["name"], row["seed"]) for row in rows if row["part"] == part]
        assert sorted(measured) == sorted(product(names, "012"))


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """Work in a new folder that has a folder `photos` of two classes, as the pages say."""
    rng = np.random.default_rng(0)
    for name in "circles", "squares":
        (tmp_path / "photos" / name).mkdir(parents=True)
        for i in range(24):
            image = Image.new("RGB", (48, 40), tuple(rng.integers(150, 256, 3).tolist()))
            x, y, ink = *rng.integers(0, 16, 2).tolist(), tuple(rng.integers(0, 100, 3).tolist())
            pen = ImageDraw.Draw(image)
            draw = pen.ellipse if name == "circles" else pen.rectangle
            draw((x, y, x + 20, y + 20), fill=ink)
            image.save(tmp_path / "photos" / name / f"{i}.png")
    monkeypatch.chdir(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.name
)
def test_the_code_of_a_page_runs_from_top_to_bottom(page, photos):
    names = {"__name__": "a page"}
    for line, code, reason in python_blocks(page):
        if reason is None:
            exec(compile("\n" * line + code, str(page), "exec"), names)


def test_the_first_example_of_the_front_page_is_short():
    readme = DOCS.parent / "README.md"
    assert len(python_blocks(readme)[0][1].splitlines()) <= 20


def test_the_reference_has_every_public_name():
    reference = (DOCS / "reference.md").read_text(encoding="utf-8")
    for name in "", ".onnx", ".search", ".caching", ".plotting", ".datasets":
        module = importlib.import_module(f"cae_sklearn{name}")
        _, _, part = reference.partition(f".. currentmodule:: cae_sklearn{name}\n")
        listed = part.split("```")[0].split()
        missing = [public for public in module.__all__ if public not in listed]
        assert missing in ([], ["__version__"], ["export_onnx"]), f"{module.__name__}: {missing}"


def test_the_pictures_of_the_pages_exist():
    for path in DOCS.glob("*.md"):
        for picture in re.findall(r"!\[.*\]\((.*)\)", path.read_text(encoding="utf-8")):
            assert (DOCS / picture).stat().st_size > 1000, f"{path.name} shows {picture}"
