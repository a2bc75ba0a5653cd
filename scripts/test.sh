#!/usr/bin/env bash
# npm test [-- WORD…]: installs what is missing, then type check, lint and all tests; with words only the test files whose
# path contains one of them.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

prepare
step 'Lint: biome check'
node_modules/.bin/biome check .
install_engine
step 'Plugin of engine xla: gala engine install --xla-cpu (the first time 63 MB to download, 259 MB on disk)'
node bin/gala.mjs engine install --xla-cpu || echo 'Not installed: the tests that need it are skipped.'
step 'tfjs-node-gpu for engine eager: gala engine install --eager (the first time 0.3 MB to download, and a C++ compiler for half a minute)'
node bin/gala.mjs engine install --eager || echo 'Not installed: the tests of engine eager are skipped.'
if [ "${GALA_TEST_CUDA:-}" = install ]; then
  # Beside gala's own engines, not among them: with a GPU, gala would use them and miss the other parts of CUDA.
  cuda_cache=${GALA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gala}/test-tools/cuda
  step "XLA's CUDA plugin alone, for the test of its answer without a GPU (the first time 124 MB to download, 401 MB on disk)"
  GALA_CACHE=$cuda_cache node bin/gala.mjs engine install --cuda 13 --system-cuda || echo 'Not installed: that test is skipped.'
  step 'cuDNN, for the test of its stack without a GPU (the first time 366 MB to download, 493 MB on disk)'
  node scripts/install-cudnn.mjs "$cuda_cache" || echo 'Not installed: that test is skipped.'
fi

# Listed from the sources: dist may hold tests that are gone, and Node 20 and 22 read patterns differently.
tests=()
while IFS= read -r source; do
  if [ $# -eq 0 ]; then tests+=("dist/${source%.ts}.js"); continue; fi
  for word in "$@"; do
    if [[ $source == *"$word"* ]]; then tests+=("dist/${source%.ts}.js"); break; fi
  done
done < <(find test -name '*.test.ts' | sort)
[ ${#tests[@]} -gt 0 ] || fail "no test file matches: $*" 'give parts of paths below test/, or nothing for all tests.' 2

step "Tests: ${#tests[@]} files"
node --test --test-concurrency=2 --test-reporter=spec "${tests[@]}"
