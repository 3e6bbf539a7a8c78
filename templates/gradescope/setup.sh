#!/usr/bin/env bash
# Installs tracer when Gradescope builds the autograder: the wheel beside this file, or by name.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
home=/opt/tracer

# Prints a Python that tracer runs on, the newest first.
python() {
  local name
  for name in python3.14 python3.13 python3.12 python3.11 python3; do
    if "$name" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
      command -v "$name"
      return
    fi
  done
  return 1
}

export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y python3 python3-venv
python || apt-get install -y python3.11 python3.11-venv

"$(python)" -m venv "$home"
shopt -s nullglob
wheels=("$here"/*.whl)
"$home/bin/pip" install --no-cache-dir "${wheels[@]:-backprop-tracer}"
"$home/bin/tracer" --version
