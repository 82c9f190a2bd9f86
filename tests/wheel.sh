#!/usr/bin/env bash
# wheel.sh PATH/TO/uv: build wheel and sdist, install the wheel into clean environments with the newest NumPy and SciPy,
# without Kwant and without a compiler, and run the smoke suite of laws there: on Python 3.11 and the newest one found.
set -euo pipefail
uv=$1
top=$(cd "$(dirname "$0")/.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cd "$top"
"$uv" build --quiet --out-dir dist .
wheel=$(ls -t dist/*.whl | head -n 1)
sdist=$(ls -t dist/*.tar.gz | head -n 1)

pythons=()
for candidate in python3.{15,14,13,12,11} "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.1[1-9]*/bin/python; do
    path=$(command -v "$candidate") && "$path" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null &&
        pythons+=("$("$path" -c 'import sys; print("%d.%03d %s" % (*sys.version_info[:2], sys.executable))')")
done
mapfile -t sorted < <(printf '%s\n' "${pythons[@]}" | sort -u -k1,1)
chosen=("${sorted[0]#* }")
[ "${#sorted[@]}" -gt 1 ] && chosen+=("${sorted[-1]#* }")

cp tests/wheel/smoke.py "$work/"
cp systems/tunnel_junction.py "$work/"
export CC=/bin/false CXX=/bin/false OPENBLAS_NUM_THREADS=1
for python in "${chosen[@]}"; do
    export VIRTUAL_ENV="$top/.venv-wheel"
    "$uv" venv --quiet --clear --no-config --python "$python" "$VIRTUAL_ENV"
    "$uv" pip install --quiet --no-config --only-binary :all: "$wheel" pytest
    (
        cd "$work"
        "$VIRTUAL_ENV/bin/python" -c 'import sys, numpy, scipy; print("Python", *sys.version_info[:2], "NumPy", numpy.__version__, "SciPy", scipy.__version__)'
        PATH="$VIRTUAL_ENV/bin:$PATH" "$VIRTUAL_ENV/bin/python" -m pytest -q -W error -p no:cacheprovider smoke.py
    )
done
# what the sdist holds is enough to build the same wheel from
"$uv" build --quiet --wheel --out-dir "$work" "$sdist"
python3 - "$wheel" "$work"/*.whl <<'PY'
import sys, zipfile

listed = [sorted(n for n in zipfile.ZipFile(path).namelist()) for path in sys.argv[1:]]
assert listed[0] == listed[1], "the sdist builds another wheel than the checkout"
assert all(not name.startswith(("tests/", "validation/")) for name in listed[0])
print(f"wheel and sdist agree: {len(listed[0])} files")
PY
