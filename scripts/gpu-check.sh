#!/usr/bin/env bash
# Checks and times gala's xla engine on a GPU machine that has neither Node nor a network, beside the PyTorch peer.
#
#   pack [--data DIR]   here: writes .gpu-check/part-00, part-01, … (each at most 38 MiB) and SHA256SUMS: this Node, gala with its
#                       packages, the CIFAR100-LT images that the config trains and is tested on, the peer, and results of this CPU
#   keep                there, for parts that come alone: puts them into $GPU_CHECK_HOME (/tmp/gala-gpu-check)
#   run [STAGE…]        there, with or after the last part: unpacks, then the stages, all when none is named:
#                         kernels  every kernel and its gradient against TF.js' reference backend
#                         steps    training steps in fp32, tf32 and bf16 against the results stored by `pack`, and their bits when repeated
#                         speed    gala and the peer's modes on ResNet-32: train step, inference, in img/s
#                         flags    the choices among XLA's flags (CUDA graphs, determinism, autotuning)
#                         large    gala and the peer's modes on ResNet-50 at 224, batch 256
#                         train    a whole run of 200 epochs, twice: cold and warm compile cache
#                       Each adds to summary.json in $OUT (else $GPU_CHECK_HOME). Exit code 1 when a check failed.
#
# Needs there: Linux x86-64, an NVIDIA driver, and python3 (or GPU_CHECK_PYTHON, or GALA_PJRT_PLUGIN and no Python) with jax's CUDA
# plugin, for the peer also torch; ptxas and libdevice of NVIDIA's wheels, CUDA_HOME, /usr/local/cuda or the PATH.
# GPU_CHECK_DEVICE=cpu tries it all without a GPU, on XLA's CPU plugin (GALA_PJRT_PLUGIN) and in small. GPU_CHECK_EPOCHS and GPU_CHECK_SET
# (key=value …) change the run, GPU_CHECK_ROUNDS (2) the rounds of a benchmark. Which calls to make: docs/benchmarks.md.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
parts=$PWD/.gpu-check
home=${GPU_CHECK_HOME:-/tmp/gala-gpu-check}

pack() {
  [ "${1:-}" != --data ] || export GALA_DATA=$2
  : "${GALA_DATA:?name the folder of cifar-100-binary: pack --data DIR}"
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
  cp -f "$parts"/* "$home/parts/"
  ls -l "$home/parts"
}

# Not every image has xz; every python3 has lzma.
unxz_stream() {
  if command -v xz >/dev/null; then xz -d; else
    "${GPU_CHECK_PYTHON:-python3}" -c 'import lzma, shutil, sys; shutil.copyfileobj(lzma.open(sys.stdin.buffer), sys.stdout.buffer)'
  fi
}

run() {
  if compgen -G "$parts/*" >/dev/null; then keep >/dev/null; fi
  # What was unpacked is known by its checksums: parts of a later `pack` replace it
  if ! cmp -s "$home/parts/SHA256SUMS" "$home/unpacked"; then
    (cd "$home/parts" && sha256sum --quiet -c SHA256SUMS) || {
      echo "error: parts are missing or damaged in $home/parts" >&2
      echo 'next:  bring them all: scripts/gpu-check.sh pack here, keep there' >&2
      exit 4
    }
    rm -rf "$home/stage" "$home/unpacked"
    mkdir -p "$home/stage"
    (cd "$home/parts" && cut -c67- SHA256SUMS | xargs cat) | unxz_stream | tar -C "$home/stage" --no-same-owner -x
    cp "$home/parts/SHA256SUMS" "$home/unpacked"
  fi
  # A driver that is mounted into the machine may be known to a login shell only
  if [ -d /usr/local/nvidia ]; then
    export PATH=$PATH:/usr/local/nvidia/bin LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64:/usr/local/nvidia/lib
  fi
  # After a boot the first program of root that asks for the GPU makes its device files
  if command -v nvidia-smi >/dev/null; then nvidia-smi -L || true; fi
  exec "$home/stage/node" "$home/stage/gala/scripts/gpu-check/run.mjs" "$home" "${OUT:-$home}" "$@"
}

case ${1:-} in
  pack | keep | run) "$@" ;;
  *)
    sed -n '2,/^set /{/^set /!p}' "${BASH_SOURCE[0]}" >&2
    exit 2
    ;;
esac
