"""Build the conda package by its recipe and run the recipe's tests, with rattler-build and no channel from elsewhere.

What the recipe asks for is taken from this environment: every distribution becomes a package of a channel in a
temporary folder, Python itself a virtual environment of the interpreter. So the recipe is rendered, solved, built,
installed and tested as written; that conda-forge has these names and versions it does not show. Run by
`make test-conda`.
"""

import asyncio
import re
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import distribution
from pathlib import Path

import rattler_build as rb
from rattler.index import index_fs

TOP = Path(__file__).parents[1]
#: Names on conda-forge of distributions that have another name there.
CONDA = {"matplotlib": "matplotlib-base", "lazy-loader": "lazy_loader"}
#: What the recipe asks for, to build and to run; each takes along what it needs and nobody before it had.
ASKED = ("pip", "hatchling", "numpy", "scipy", "tqdm", "lazy-loader", "matplotlib", "xarray", "tinyarray", "kwant")
SITE = Path("lib") / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"


def needed(name, known):
    """Return a distribution and all it needs without extras, that nobody has yet."""
    if name in known:
        return []
    known.add(name)
    required = [line for line in distribution(name).requires or [] if "extra ==" not in line and "win" not in line]
    names = [re.match(r"[\w.-]+", line)[0].lower().replace("_", "-") for line in required if applies(line)]
    return [name, *(other for one in names for other in needed(one, known))]


def applies(line):
    """Return whether a requirement is one of this Python on this system."""
    from packaging.requirements import Requirement

    marker = Requirement(line).marker
    return marker is None or marker.evaluate()


def package(name, version, folder, channel):
    """Make a package of all files of a folder."""
    files = [file for file in sorted(folder.rglob("*")) if file.is_symlink() or not file.is_dir()]
    entries = [rb.FileEntry.from_paths(file, file.relative_to(folder)) for file in files]
    depends = [] if name == "python" else ["python"]
    platform = channel / "linux-64"
    rb.assemble_package(
        name, version, platform.name, "0", platform, files=entries, depends=depends, compression_level=1
    )


def interpreter(folder):
    """Make a virtual environment of this interpreter, which follows wherever it is linked to."""
    base = Path(sys._base_executable).resolve()
    (folder / "bin").mkdir(parents=True)
    for name in ("python", "python3", SITE.parent.name):
        (folder / "bin" / name).symlink_to(base)
    (folder / "pyvenv.cfg").write_text(f"home = {base.parent}\ninclude-system-site-packages = false\n")
    return folder


def copied(names, folder):
    """Copy the files of distributions to where conda has them."""
    for name in names:
        for file in distribution(name).files or []:
            source = Path(file.locate())
            if ".." not in file.parts and source.suffix != ".pyc" and source.exists():
                target = folder / SITE / file
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
    return folder


def main():
    """Make the channel, build the package, test it."""
    with tempfile.TemporaryDirectory() as work:
        work, known = Path(work), set()
        channel = work / "channel"
        for platform in ("linux-64", "noarch"):
            (channel / platform).mkdir(parents=True)
        package("python", ".".join(map(str, sys.version_info[:3])), interpreter(work / "python"), channel)
        for name in ASKED:
            folder = copied(needed(name, known), work / name)
            package(CONDA.get(name, name), distribution(name).version, folder, channel)
        asyncio.run(index_fs(channel))
        source = work / "source"  # without environments and caches
        tracked = subprocess.run(["git", "ls-files", "-z"], cwd=TOP, check=True, capture_output=True, text=True).stdout
        for name in filter(None, tracked.split("\0")):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(TOP / name, source / name)
        (variant,) = rb.Stage0Recipe.from_file(source / "conda-recipe" / "recipe.yaml").render()
        settings = rb.ToolConfiguration(test_strategy="native")
        built = variant.run_build(tool_config=settings, output_dir=work / "built", channels=[channel.as_uri()])
        log = "\n".join(map(str, built.log))
        if "all tests passed" not in log:
            raise SystemExit(log)
        print(f"built and tested: {Path(built.packages[0]).name}")


if __name__ == "__main__":
    main()
