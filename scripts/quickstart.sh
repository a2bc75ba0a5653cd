#!/usr/bin/env bash
# npm run quickstart: from a fresh clone to a table. Installs what is missing (Node packages, engine), builds, and
# trains cross-entropy and GALA on the bundled Fashion-MNIST-LT.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

prepare
install_engine
step 'Train: gala quickstart'
node bin/gala.mjs quickstart "$@"
