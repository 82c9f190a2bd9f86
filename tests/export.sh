#!/usr/bin/env bash
# export.sh PATH/TO/uv: feed exported torques to the micromagnetic codes themselves, in an environment of its own.
# magnum.np (on PyTorch), cmtj, and ubermag's model package with the writer of OOMMF's input; OOMMF itself and a graphics
# card are not needed. They are used here only and are no dependencies of the library.
set -euo pipefail
uv=$1
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
export VIRTUAL_ENV="$top/.venv-export" OPENBLAS_NUM_THREADS=1

"$uv" venv --quiet --allow-existing --python 3.11 "$VIRTUAL_ENV"
pip() { "$uv" pip install --no-config --quiet --exclude-newer 2026-11-15T00:00:00Z "$@"; }
pip 'numpy==1.26.4' 'scipy==1.13.1' 'setuptools==80.10.2' wheel 'tinyarray==1.2.5'
CFLAGS="-O2 -g0 -fwrapv -DNDEBUG" pip --no-build-isolation --no-binary kwant \
    --config-settings=--global-option=build_ext --config-settings=--global-option=-j4 'kwant==1.5.0'
pip 'numpy==1.26.4' 'scipy==1.13.1' matplotlib xarray tqdm lazy_loader pytest pytest-xdist hypothesis mpmath jinja2 \
    'micromagneticmodel==0.65.0' 'oommfc==0.66.0' 'magnumnp==2.2.0' 'cmtj==1.15.0'
pip --no-deps --editable .
# Warnings of their dependencies are theirs; a skipped code is a failure here.
"$VIRTUAL_ENV/bin/python" -m pytest -n 0 -W default -rs tests/units/test_export.py "${@:2}" | tee "$VIRTUAL_ENV/log"
if grep -q '^SKIPPED' "$VIRTUAL_ENV/log"; then
    echo "a code is missing" >&2
    exit 1
fi
