"""The contributor's guide names what exists."""

import re
from pathlib import Path

import pytest

import cae_sklearn

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TABLES = GUIDE.split("## Rooms")[1].split("## Style")[0]
PATHS = [
    name for name in re.findall(r"`([\w./]+)`", TABLES) if re.search(r"\.(py|md|cfg)$|/$", name)
]


@pytest.mark.parametrize("name", sorted({name for name in PATHS if "NAME" not in name}))
def test_each_file_and_folder_exists(name):
    package = Path(cae_sklearn.__file__).parent
    folders = [ROOT, package, *package.glob("_*/")]
    assert any((folder / name).exists() for folder in folders)


def test_each_command_is_a_target_of_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([\w-]+):", makefile, re.M))
    assert set(re.findall(r"`make ([\w-]+)`", GUIDE)) <= targets
