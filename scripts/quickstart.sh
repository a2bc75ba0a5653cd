#!/usr/bin/env bash
# npm run quickstart: from a fresh clone to a table. Installs what is missing (Node packages, engine), builds, and trains
# cross-entropy and GALA on the bundled Fashion-MNIST-LT.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"

check_machine
check_python
install_packages
build
step 'Engine: gala engine install (the first time 274 MB to download, 854 MB on disk)'
node bin/gala.mjs engine install
step 'Train: gala quickstart'
node bin/gala.mjs quickstart "$@"
