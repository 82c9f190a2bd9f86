#!/usr/bin/env bash
# numpy2.sh PATH/TO/uv: run the test suite in an environment of its own with NumPy 2 and Kwant re-cythonized for it.
set -euo pipefail
uv=$1
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
export UV_PROJECT_ENVIRONMENT="$top/.venv-numpy2" VIRTUAL_ENV="$top/.venv-numpy2"

"$uv" venv --quiet --allow-existing --python 3.11 "$VIRTUAL_ENV"
pip() { "$uv" pip install --no-config --quiet --exclude-newer 2026-11-15T00:00:00Z "$@"; }
pip 'numpy>=2,<2.5' scipy 'cython>=3,<4' 'setuptools==80.10.2' wheel tinyarray
CFLAGS="-O2 -g0 -fwrapv -DNDEBUG" pip --no-build-isolation --no-binary kwant \
    --config-settings=--global-option=--cython --config-settings=--global-option=build_ext \
    --config-settings=--global-option=-j4 'kwant==1.5.0'
pip 'matplotlib>=3.9' xarray tqdm lazy_loader --group test
pip --no-deps --editable .
"$VIRTUAL_ENV/bin/python" -c 'import numpy, kwant; print("NumPy", numpy.__version__, "Kwant", kwant.__version__)'
"$VIRTUAL_ENV/bin/python" -m pytest "${@:2}"
