#!/usr/bin/env bash
# Times the preparation of training images (decode, reflect-pad, RandomResizedCrop 224, flip, ColorJitter, RandAugment)
# by gala beside a PyTorch DataLoader with torchvision and Pillow, on the same JPEG files, 2 workers each, in one
# session, in turns; prints a table and the ratios. The files are noise in the sizes and with the spectrum of
# photographs, in a temporary folder. ROUNDS (3) rounds of SECONDS_EACH (10), WORKERS (2). Python: PEER_PYTHON, else the
# virtual environment of bench-peer.sh. Let nothing else run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

python=${PEER_PYTHON:-${GALA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gala}/peer-venv/bin/python}
if [ ! -x "$python" ]; then
  echo "error: there is no Python at $python" >&2
  echo 'next:  run scripts/bench-peer.sh once, or set PEER_PYTHON to one with torchvision 0.26' >&2
  exit 2
fi

exec node scripts/bench-data.mjs "$python" "${ROUNDS:-3}" "${SECONDS_EACH:-10}" "${WORKERS:-2}"
