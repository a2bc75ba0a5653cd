#!/usr/bin/env bash
# Checks and times gala's xla engine on a GPU machine that has neither Node nor a network, beside the PyTorch peer, in
# two calls of 15 minutes in all.
#
#   pack [--data DIR]   here: writes .gpu-check/first and .gpu-check/rest, an archive and its checksum each,
#                       below 57 MiB: this Node, gala with its packages, the peer and results of this CPU; then the
#                       CIFAR100-LT images that the config trains and is tested on
#   run first           there, with .gpu-check/first (270 s):
#                         look      20 epochs on the bundled set, gala's step of ResNet-32 and four modes of the peer,
#                                   one round
#                         kernels   every kernel and its gradient against TF.js' reference backend
#                         steps     training steps in fp32, tf32 and bf16 against the results stored by `pack`, and
#                                   their bits when repeated
#   run rest            there, with .gpu-check/rest, before the machine is given back (430 s):
#                         train     200 epochs of CIFAR100-LT, with an empty cache of compiled programs
#                         again     the same with a warm cache: its time, and the same bits
#                         explain   step times at batch 64, 128 and 256, XLA's list of thunks and its optimized module
#                         large     gala and the peer's modes on ResNet-50 at 224, batch 256
#                         variants  the choices among XLA's flags (CUDA graphs, determinism, autotuning)
#   run STAGE…          the named stages
#                       Each stage is a process with a budget of its own and writes to summary.json in $OUT (else
#                       $GPU_CHECK_HOME) at once.
#                       Exit code 1 when a check failed.
#
# Needs there: Linux x86-64, an NVIDIA driver, and python3 (or GPU_CHECK_PYTHON, or GALA_PJRT_PLUGIN and no Python) with
# jax's CUDA plugin, for the peer also torch; ptxas and libdevice of NVIDIA's wheels, CUDA_HOME, /usr/local/cuda or the
# PATH. GPU_CHECK_DEVICE=cpu tries it all without a GPU, on XLA's CPU plugin (GALA_PJRT_PLUGIN) and in small.
# GPU_CHECK_SECONDS is the budget of a call, GPU_CHECK_EPOCHS and GPU_CHECK_SET (key=value …) change the run. Which
# calls to make: docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts=$PWD/.gpu-check
home=${GPU_CHECK_HOME:-/tmp/gala-gpu-check}

pack() {
  [ "${1:-}" != --data ] || export GALA_DATA=$2
  : "${GALA_DATA:?name the folder of cifar-100-binary: pack --data DIR}"
  packed=$(mktemp -d)
  trap 'rm -rf "$packed"' EXIT
  mkdir "$packed/first" "$packed/rest"
  node_modules/.bin/tsc --build
  node scripts/gpu-check/pack.mjs "$packed/first" "$packed/rest" "${PEER_SCRIPT:-../shared/peers/torch_gala.py}"
  rm -rf "$parts"
  for name in first rest; do
    mkdir -p "$parts/$name"
    tar -C "$packed/$name" -c . | xz -T0 -6 >"$parts/$name/archive.tar.xz"
    (cd "$parts/$name" && sha256sum archive.tar.xz >SHA256SUMS)
  done
  ls -l "$parts"/*/archive.tar.xz
}

# Not every image has xz; every python3 has lzma.
unxz_stream() {
  if command -v xz >/dev/null; then xz -d; else
    "${GPU_CHECK_PYTHON:-python3}" -c 'import lzma, shutil, sys
shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)'
  fi
}

# An archive that came with this call; what was unpacked is known by its checksum, and another first one begins anew.
unpack() {
  local part=$parts/$1
  if [ ! -e "$part/archive.tar.xz" ] || cmp -s "$part/SHA256SUMS" "$home/unpacked-$1"; then return; fi
  (cd "$part" && sha256sum --quiet -c SHA256SUMS) || {
    echo "error: the archive is damaged: $part/archive.tar.xz" >&2
    echo 'next:  bring it again: scripts/gpu-check.sh pack here' >&2
    exit 4
  }
  if [ "$1" = first ]; then rm -rf "$home/stage" "$home"/unpacked-*; fi
  mkdir -p "$home/stage"
  unxz_stream <"$part/archive.tar.xz" | tar -C "$home/stage" --no-same-owner -x
  cp "$part/SHA256SUMS" "$home/unpacked-$1"
}

run() {
  unpack first
  if [ ! -e "$home/unpacked-first" ]; then
    echo "error: there is no $parts/first, and nothing was unpacked in $home before" >&2
    echo 'next:  scripts/gpu-check.sh pack where Node is; then bring .gpu-check/first here' >&2
    exit 4
  fi
  unpack rest
  # A driver that is mounted into the machine may be known to a login shell only
  if [ -d /usr/local/nvidia ]; then
    export PATH=$PATH:/usr/local/nvidia/bin
    export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64:/usr/local/nvidia/lib
  fi
  # After a boot the first program of root that asks for the GPU makes its device files
  if command -v nvidia-smi >/dev/null; then nvidia-smi -L || true; fi
  exec "$home/stage/node" "$home/stage/gala/scripts/gpu-check/run.mjs" "$home" "${OUT:-$home}" "${@:-first}"
}

case ${1:-} in
  pack | run) "$@" ;;
  *)
    sed -n '2,/^set /{/^set /!p}' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
