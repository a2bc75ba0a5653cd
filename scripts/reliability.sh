#!/usr/bin/env bash
# The long form of the reliability tests, whose figures are in docs/benchmarks.md: KILLS (100) kills at random moments,
# then RUNS (10000) inputs for each fuzzed reader. SEED (0) draws both. An hour on two cores; run it niced beside other
# work.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
prepare
install_engine
step "Kills: ${KILLS:-100}"
GALA_E2E_KILLS=${KILLS:-100} GALA_E2E_KILLS_SEED=${SEED:-0} node --test --test-reporter=spec dist/test/e2e/kill.test.js
step "Fuzzing: ${RUNS:-10000} inputs a reader"
GALA_FUZZ_RUNS=${RUNS:-10000} GALA_FUZZ_SEED=${SEED:-0} \
  node --test --test-concurrency=1 --test-reporter=spec dist/test/fuzz/*.test.js
