#!/usr/bin/env bash
# What some tests need and the package does not: a headless Chromium (the report), a Python with tensorboard (event
# files, 180 MB in gala's cache) and one with onnxruntime (exports, 150 MB). Without them those tests are skipped. CI
# runs this first; it installs packages with apt where it may.
set -euo pipefail

if ! compgen -G '/usr/bin/chromium*' >/dev/null && ! command -v google-chrome >/dev/null &&
  [ -z "${GALA_CHROMIUM:-}" ]; then
  if ! command -v apt-get >/dev/null || [ "$(id -u)" != 0 ]; then
    echo 'error: there is no Chromium, and without apt-get or the rights of root it cannot be installed here.' >&2
    echo 'next:  install it, or name one in GALA_CHROMIUM.' >&2
    exit 5
  fi
  echo 'Installing chromium-headless-shell' >&2
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends chromium-headless-shell fonts-dejavu-core >/dev/null
fi

# python_with PACKAGE VERSION [REQUIREMENT...]: unless GALA_<PACKAGE>_PYTHON names one
python_with() {
  local venv=${GALA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gala}/test-tools/$1 given=GALA_${1^^}_PYTHON
  if [ "$(cat "$venv/complete" 2>/dev/null)" = "$*" ] || [ -n "${!given:-}" ]; then return; fi
  echo "Making a virtual environment with $1 in $venv" >&2
  python3 -m venv --clear "$venv"
  "$venv/bin/python" -m pip install -q --disable-pip-version-check "$1==$2" "${@:3}"
  echo "$*" >"$venv/complete"
}
python_with tensorboard 2.21.0 &
python_with onnxruntime 1.32.0 pillow
wait $!
