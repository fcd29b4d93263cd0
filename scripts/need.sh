#!/usr/bin/env bash
# Installs with apt what the named capabilities lack:  scripts/need.sh compiler cmake venv doctest
set -euo pipefail

has() {
  case "$1" in
    compiler) command -v c++ >/dev/null ;;
    cmake) command -v cmake >/dev/null ;;
    venv) python3 -c 'import ensurepip, venv' 2>/dev/null ;;
    doctest) echo '#include <doctest/doctest.h>' | c++ -x c++ -E - >/dev/null 2>&1 ;;
    *) echo "need.sh: unknown capability. Expected compiler, cmake, venv or doctest. Received: $1." >&2
       exit 2 ;;
  esac
}

package_of() {
  case "$1" in
    compiler) echo g++ ;;
    cmake) echo cmake ;;
    venv) echo python3-venv ;;
    doctest) echo doctest-dev ;;
  esac
}

missing=()
for capability in "$@"; do
  has "$capability" || missing+=("$(package_of "$capability")")
done
[ ${#missing[@]} -eq 0 ] && exit 0

as_root=()
if [ "$(id -u)" -ne 0 ]; then as_root=(sudo -n); fi
if ! command -v apt-get >/dev/null || { [ ${#as_root[@]} -gt 0 ] && ! "${as_root[@]}" true 2>/dev/null; }; then
  echo "ranvier needs these system packages and may not install them: ${missing[*]}." >&2
  echo "Hint: install them (Debian: apt-get install ${missing[*]}) and run make again." >&2
  exit 1
fi
echo "Installing ${missing[*]}"
"${as_root[@]}" apt-get update -qq
DEBIAN_FRONTEND=noninteractive "${as_root[@]}" apt-get install -qq -y --no-install-recommends "${missing[@]}" >/dev/null
