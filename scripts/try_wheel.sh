#!/usr/bin/env bash
# Installs a wheel in an environment of its own, outside the checkout, and tries what a user does first. Then asks an
# advisory service about what was installed, and writes the bill of it (SBOM) beside the wheel.
#   PYTHON=python3 bash scripts/try_wheel.sh dist/reccl-0.1.0-py3-none-any.whl
# The smoke run trains where MovieLens-100K is in RECCL_DATA; elsewhere it is left out, and the script says so.
set -euo pipefail
wheel=$(realpath "$1")
scripts=$(realpath "$(dirname "$0")")
constraints=$(realpath "$scripts/../constraints.txt")
python=$(command -v "${PYTHON:-python3}")
case $python in /*) ;; *) python=$PWD/$python ;; esac
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
"$python" -m venv "$place/venv"
# shellcheck disable=SC2086
"$place/venv/bin/python" -m pip install --quiet --disable-pip-version-check ${INDEX:-} -c "$constraints" "$wheel"
cd "$place"
PATH=$place/venv/bin:$PATH
unset PYTHONPATH
set -x
python -c 'import reccl; print("reccl", reccl.__version__, "from", reccl.__file__)'
reccl --version
reccl config list
reccl methods > methods.txt
if [ -d "${RECCL_DATA:-/nowhere}/ml-100k" ]; then
  reccl train --config smoke.yaml
  reccl recommend --run latest --k 5 --users 1,2,3 --out recs.csv --format csv
  head -4 recs.csv
else
  echo "smoke run left out: no ml-100k in RECCL_DATA"
fi
{ set +x; } 2> /dev/null
"$python" "$scripts/audit.py" "$("$place/venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
name=$(basename "$wheel" | cut -d- -f1-2)
"$python" "$scripts/sbom.py" "$place/venv/bin/python" "$(dirname "$wheel")/$name.cdx.json"
