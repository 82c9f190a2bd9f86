"""The map for newcomers is true: every path it names exists, and no folder or file of the ground floor is missing."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
TREE = re.search(r"```text\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.DOTALL).group(1)
LISTED = {line.split()[0].rstrip("/") for line in TREE.splitlines()}


def named_paths():
    text = PAGE.read_text(encoding="utf-8")
    return sorted(set(re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text)) | LISTED)


@pytest.mark.parametrize("path", named_paths())
def test_every_path_named_exists(path):
    assert (ROOT / path).exists() or (ROOT / "kwant_spinjunc" / path).exists()


def test_every_line_of_the_tree_says_what_is_there():
    assert all(len(line.split(maxsplit=1)[1]) > 7 for line in TREE.splitlines())
    assert len(LISTED) == len(TREE.splitlines())


def test_no_folder_and_no_ground_floor_file_is_missing():
    package = ROOT / "kwant_spinjunc"
    folders = {str(path.parent.relative_to(ROOT)) for path in package.rglob("*.py")}
    files = {str(path.relative_to(ROOT)) for path in package.glob("*.py") if not path.name.startswith("_")}
    assert (folders | files) - LISTED == set()
    tests = {f"tests/{path.name}" for path in (ROOT / "tests").iterdir() if path.is_dir()}
    assert {path for path in tests if not path.endswith("__pycache__")} <= LISTED


def test_every_tracked_folder_at_the_top_is_listed():
    found = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode:
        pytest.skip("not a checkout")
    top = {path.split("/")[0] for path in found.stdout.split() if "/" in path} - {".github"}
    assert top <= {path.split("/")[0] for path in LISTED}


def test_the_makefile_says_what_it_does():
    """Every target named in the README and in this page exists, and `make help` explains each."""
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z0-9-]+):", makefile, flags=re.MULTILINE))
    explained = set(re.findall(r"^([a-z0-9-]+):.*##", makefile, flags=re.MULTILINE))
    assert explained == targets
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))):
        assert set(re.findall(r"`make ([a-z0-9-]+)", page.read_text(encoding="utf-8"))) <= targets, page
