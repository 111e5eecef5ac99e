"""The examples are narrated scripts that run from top to bottom."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
NO_SCREEN = "ignore:FigureCanvasAgg is non-interactive:UserWarning"
each_example = pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)


@each_example
def test_an_example_is_a_short_script_with_a_title_and_cells(path):
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 120
    title, underline = ast.get_docstring(ast.parse(text)).splitlines()[:2]
    assert set(underline) == {"="} and len(underline) >= len(title)
    assert len(re.findall("^# %%$", text, flags=re.MULTILINE)) >= 3
    assert not re.search("argparse|sys.argv|__main__", text)


@pytest.mark.slow
@each_example
def test_an_example_runs_from_top_to_bottom(path, tmp_path):
    done = subprocess.run(
        [sys.executable, path],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg", "PYTHONWARNINGS": NO_SCREEN},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr
    assert not list(tmp_path.iterdir())
