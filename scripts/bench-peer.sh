#!/usr/bin/env bash
# Times gala's train step and forward pass beside a PyTorch peer's on this machine, in one session, in turns; prints a
# table and the ratios. The peer: torch_gala.py of ../shared/peers (or PEER_SCRIPT) under a Python with torch 2.11.0
# (PEER_PYTHON, else a virtual environment made in gala's cache: 4.7 GB). ROUNDS (3) rounds of STEPS (40) timed steps.
# Let nothing else run.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

peer=${PEER_SCRIPT:-../shared/peers/torch_gala.py}
if [ ! -f "$peer" ]; then
  echo "error: there is no peer script at $peer" >&2
  echo 'next:  set PEER_SCRIPT to torch_gala.py' >&2
  exit 2
fi

python=${PEER_PYTHON:-}
if [ -z "$python" ]; then
  venv=${GALA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gala}/peer-venv
  python=$venv/bin/python
  if ! [ -f "$venv/complete" ]; then
    echo "Making a virtual environment with torch 2.11.0 in $venv (4.7 GB)" >&2
    python3 -m venv "$venv"
    "$python" -m pip install -q torch==2.11.0 torchvision==0.26.0
    touch "$venv/complete"
  fi
fi

exec node scripts/bench-peer.mjs "$python" "$peer" "${ROUNDS:-3}" "${STEPS:-40}"
