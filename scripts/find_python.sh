#!/usr/bin/env bash
# Prints a Python of a version (3.12): of the PATH, else the newest that pyenv has. Exits with 1 where there is none.
set -euo pipefail
for python in "python$1" "${PYENV_ROOT:-$HOME/.pyenv}/versions/$1".*/bin/python; do
  if found=$(command -v "$python") && "$found" -c "import sys; sys.exit(sys.version_info[:2] != tuple(map(int, '$1'.split('.'))))" 2> /dev/null; then
    last=$found
    case $python in /*) ;; *) break ;; esac
  fi
done
[ -n "${last:-}" ] && echo "$last"
