#!/usr/bin/env bash
# peers.sh PATH/TO/uv: time the fast engine against other packages in an environment of its own.
# NumPy 2, which the newest sisl needs, with Kwant re-cythonized for it. sisl is MPL-2.0 and hamop Apache-2.0; both are
# used here only and are no dependencies of the library. Kwant runs without MUMPS (no NumPy 2 wheels), which takes the
# same time on systems this small.
set -euo pipefail
uv=$1
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
export VIRTUAL_ENV="$top/.venv-peers"

"$uv" venv --quiet --allow-existing --python 3.11 "$VIRTUAL_ENV"
pip() { "$uv" pip install --no-config --quiet --exclude-newer 2026-11-15T00:00:00Z "$@"; }
pip 'numpy>=2.1,<2.5' scipy 'cython>=3,<4' 'setuptools==80.10.2' wheel tinyarray
CFLAGS="-O2 -g0 -fwrapv -DNDEBUG" pip --no-build-isolation --no-binary kwant \
    --config-settings=--global-option=--cython --config-settings=--global-option=build_ext \
    --config-settings=--global-option=-j4 'kwant==1.5.0'
pip 'matplotlib>=3.9' xarray tqdm lazy_loader 'sisl==0.20.0' 'hamop==0.14.0'
pip --no-deps --editable .
"$VIRTUAL_ENV/bin/python" -W "ignore:MUMPS is not available" -m benchmarks.peers "${@:2}"
