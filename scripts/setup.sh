# Sourced by quickstart.sh, test.sh and reliability.sh: `prepare` checks the machine, installs the Node packages and
# builds, `install_engine` gets the engine. It leaves the shell in the package's root and defines fail and step.

cd "$(dirname "${BASH_SOURCE[0]}")/.."

fail() { # message, remedy
  printf 'error: %s\nnext:  %s\n' "$1" "$2" >&2
  exit "${3:-5}"
}

step() { printf '\n== %s\n' "$1"; }

check_machine() {
  local system machine
  system=$(uname -s) machine=$(uname -m)
  if [ "$system" != Linux ] || [ "$machine" != x86_64 ]; then
    fail "this needs Linux x86-64 (glibc 2.27 or newer) and this machine is $system $machine." \
      "use a Linux x86-64 machine or container, or WSL 2 on Windows; elsewhere only config, eval --logits and the \
tables run."
  fi
  command -v node >/dev/null ||
    fail 'there is no node.' 'install Node.js 20.19 or newer: https://nodejs.org/en/download'
  node -e 'const [major, minor] = process.versions.node.split(".").map(Number)
    process.exit(major > 20 || (major === 20 && minor >= 19) ? 0 : 1)' ||
    fail "Node.js $(node --version) is too old; 20.19 or newer is needed." 'install it: https://nodejs.org/en/download'
  command -v npm >/dev/null || fail 'there is no npm.' \
    'it comes with Node.js from https://nodejs.org/en/download; Debian/Ubuntu: apt install npm'
}

# pip (or uv) fetches the engine; one that is in the cache already, or set by hand, needs neither.
check_python() {
  local cache=${GALA_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/gala}
  if [ -n "${GALA_TENSORFLOW:-}" ] || compgen -G "$cache/engines/*/manifest.json" >/dev/null; then return; fi
  if command -v uv >/dev/null; then return; fi
  command -v python3 >/dev/null || fail 'there is no python3; its pip fetches the engine.' \
    'Debian/Ubuntu: apt install python3 python3-pip; Fedora: dnf install python3 python3-pip; or install uv.'
  python3 -m pip --version >/dev/null 2>&1 || fail 'python3 has no pip, which fetches the engine.' \
    'Debian/Ubuntu: apt install python3-pip; Fedora: dnf install python3-pip; or install uv.'
}

install_packages() {
  # npm writes node_modules/.package-lock.json at the end of an installation, so its age is that of the packages.
  if [ node_modules/.package-lock.json -nt package-lock.json ]; then return; fi
  step 'Node packages: npm ci (130 MB to download, 470 MB on disk)'
  # No package that we use needs its install script; the optional tfjs-node-gpu's would download hundreds of MB more.
  npm ci --ignore-scripts --no-audit --no-fund || fail 'npm could not install the Node packages.' \
    'see its message above; check the network and the registry, then run this again.' 1
}

build() {
  step 'Build: tsc --build'
  node_modules/.bin/tsc --build
}

prepare() {
  check_machine
  check_python
  install_packages
  build
}

install_engine() {
  step 'Engine: gala engine install (the first time 274 MB to download, 854 MB on disk)'
  node bin/gala.mjs engine install
}
