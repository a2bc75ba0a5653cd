#!/usr/bin/env bash
# Checks and times gala's xla engine on a GPU machine that has neither Node nor a network, beside the PyTorch peer.
#
#   pack [--data DIR]   here: writes .gpu-check/part-00, part-01, … (each at most 38 MiB) and SHA256SUMS: this Node, gala with its
#                       packages, the CIFAR100-LT images that the config trains and is tested on, the peer, and results of this CPU
#   keep                there, for a part that comes alone: puts it into $GPU_CHECK_HOME (/tmp/gala-gpu-check)
#   run [STAGE…]        there, with the last part: unpacks, then the stages, all when none is named:
#                         kernels  every kernel and its gradient against TF.js' reference backend
#                         steps    training steps against the results stored by `pack`: fp32, tf32, bf16
#                         speed    gala and the peer's modes: train step, inference, in img/s
#                         train    a whole run of 200 epochs, twice: cold and warm compile cache
#                       Each adds to summary.json in $OUT (else $GPU_CHECK_HOME). GPU_CHECK_DEVICE=cpu tries it without a GPU, on XLA's
#                       CPU plugin and in small; GPU_CHECK_EPOCHS sets the epochs of the run.
#
# Needs there: Linux x86-64, an NVIDIA driver, and python3 with jax's CUDA plugin (for the peer also torch). Example with a machine
# that takes 64 MiB a call, one part each: `keep`, `keep`, then `run kernels steps speed`, then `run train`.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts=$PWD/.gpu-check
home=${GPU_CHECK_HOME:-/tmp/gala-gpu-check}

pack() {
  [ "${1:-}" != --data ] || export GALA_DATA=$2
  : "${GALA_DATA:?name the folder of cifar-100-binary: pack --data DIR}"
  local stage
  stage=$(mktemp -d)
  trap 'rm -rf "$stage"' EXIT
  node_modules/.bin/tsc --build
  node scripts/gpu-check/pack.mjs "$stage" "${PEER_SCRIPT:-../shared/peers/torch_gala.py}"
  rm -rf "$parts"
  mkdir -p "$parts"
  tar -C "$stage" -c . | xz -T0 -6 | split -d -b 38M - "$parts/part-"
  (cd "$parts" && sha256sum part-* >SHA256SUMS)
  ls -l "$parts"
}

keep() {
  mkdir -p "$home/parts"
  cp "$parts"/* "$home/parts/"
  ls -l "$home/parts"
}

run() {
  if [ -d "$parts" ]; then keep >/dev/null; fi
  if ! [ -f "$home/unpacked" ]; then
    (cd "$home/parts" && sha256sum --quiet -c SHA256SUMS) || { echo 'error: parts are missing or damaged' >&2; exit 4; }
    mkdir -p "$home/stage"
    cat "$home"/parts/part-* | xz -d | tar -C "$home/stage" -x
    touch "$home/unpacked"
  fi
  exec "$home/stage/node" "$home/stage/gala/scripts/gpu-check/run.mjs" "$home" "${OUT:-$home}" "$@"
}

case ${1:-} in
  pack | keep | run) "$@" ;;
  *) sed -n '2,20p' "${BASH_SOURCE[0]}"; exit 2 ;;
esac
