#!/usr/bin/env bash
# npm test [-- WORD…]: installs what is missing, then type check, lint and all tests; with words only the test files
# whose path contains one of them. npm run test:fast: the tests that need no engine, in about a minute.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

fast_rooms='cli|config|eval|io|machine|messages|models|optim|random|sweep|tables'
if [ "${1:-}" = --fast ]; then
  prepare
  mapfile -t tests < <(find test -name '*.test.ts' | grep -E "^test/($fast_rooms)/" | sort | sed 's|^|dist/|; s|ts$|js|')
  step "Tests: ${#tests[@]} files"
  exec node --test --test-concurrency=2 --test-reporter=dot "${tests[@]}"
fi

prepare
step 'Lint: biome check, knip'
npm run --silent lint
install_engine
step 'Plugin of engine xla: gala engine install --xla-cpu (the first time 63 MB to download, 259 MB on disk)'
node bin/gala.mjs engine install --xla-cpu || echo 'Not installed: the tests that need it are skipped.'
step 'tfjs-node-gpu for engine eager: gala engine install --eager (the first time half a minute of C++ compiler)'
node bin/gala.mjs engine install --eager || echo 'Not installed: the tests of engine eager are skipped.'
if [ "${GALA_TEST_CUDA:-}" = install ]; then
  step "XLA's compiler for GPUs: gala engine install --cuda 13 --plan (the first time 230 MB to download)"
  node bin/gala.mjs engine install --cuda 13 --plan ||
    echo 'Not installed: the tests that compile for an absent GPU are skipped.'
  # Beside gala's own engines, not among them: nothing of gala looks for it alone.
  step 'cuDNN, to be asked about an absent GPU (the first time 366 MB to download, 493 MB on disk)'
  node scripts/install-cudnn.mjs "${GALA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gala}/test-tools/cuda" ||
    echo 'Not installed: the tests that ask cuDNN are skipped.'
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
# Three files at once on two cores: many tests wait for another process.
node --test --test-concurrency=3 --test-reporter=spec "${tests[@]}"
