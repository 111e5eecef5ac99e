"""The code blocks of the pages, and which of them run.

``python tests/code_blocks.py`` counts them.
"""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^(?:<!-- not run: ([^\n]+) -->\n)?^```(\w+)\n(.*?)^```$", re.M | re.S)


def blocks(path):
    """Return (line, language, code, reason) for each fenced block; a block with a reason stays."""
    text = path.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, found.start(3)), found[2], found[3], found[1])
        for found in FENCE.finditer(text)
    ]


def python_blocks(path):
    """Return (line, code, reason) for each block of Python."""
    return [(line, code, reason) for line, kind, code, reason in blocks(path) if kind == "python"]


if __name__ == "__main__":
    ran, left = 0, []
    for page in PAGES:
        for line, _, reason in python_blocks(page):
            ran += reason is None
            left += [f"{page.relative_to(ROOT)}:{line}: {reason}"] if reason else []
    print(f"{ran} blocks of Python run, {len(left)} do not:", *left, sep="\n  ")
