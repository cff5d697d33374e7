#!/bin/sh
# Makes .venv and installs a requirements file into it, once for each version of that file: `sh setup.sh requirements.txt`.
# `sh setup.sh chromium` sees to the browser that some tests need.
set -eu
cd "$(dirname "$0")"

say() { printf '%s\n' "$*" >&2; }

find_python() {
    for name in "${PYTHON:-}" python3.13 python3.12 python3.11 python3 python; do
        if [ -n "$name" ] && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            printf '%s' "$name"
            return
        fi
    done
    say "SoccerPredictAI needs Python 3.11 or newer, and found none. Install it (Debian and Ubuntu: apt-get install python3 python3-venv;"
    say "Fedora: dnf install python3; macOS: brew install python), or name it: PYTHON=/path/to/python3 make run"
    exit 1
}

check_system() {
    if ! "$1" -c 'import venv, ensurepip' 2>/dev/null; then
        version=$("$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
        say "This Python cannot make virtual environments: its venv module is not installed."
        say "Install it (Debian and Ubuntu: apt-get install python$version-venv), then run the same command again."
        exit 1
    fi
    if [ "$(uname -s)" = Linux ] && ! "$1" -c 'import ctypes; ctypes.CDLL("libgomp.so.1")' 2>/dev/null; then
        say "Note: the library libgomp is not installed. Models of boosted trees need it (Debian and Ubuntu: apt-get install libgomp1;"
        say "Fedora: dnf install libgomp; Alpine: apk add libgomp); everything else runs without it."
    fi
}

install() {
    python=$(find_python)
    check_system "$python"
    wanted=$(cat "$@" | cksum)
    if [ -x .venv/bin/python ] && .venv/bin/python -c '' 2>/dev/null && [ "$(cat .venv/installed 2>/dev/null)" = "$wanted" ]; then
        return
    fi
    # The larger file holds all of the smaller one, so what the tests installed serves the app too.
    if [ "$*" = requirements.txt ] && [ -x .venv/bin/python ] && [ "$(cat .venv/installed 2>/dev/null)" = "$(cksum < requirements-dev.txt)" ]; then
        return
    fi
    say "Setting up .venv with $("$python" --version), from $*. The first time takes a minute or more."
    "$python" -m venv --clear .venv
    fast=$(grep '^uv==' requirements-dev.txt | cut -d ' ' -f 1)
    # uv does in seconds what takes pip minutes; where it cannot reach its index, pip follows this machine's own settings.
    if .venv/bin/python -m pip install --quiet --disable-pip-version-check "$fast" &&
        .venv/bin/python -m uv pip install --quiet --python .venv/bin/python -r "$1"; then
        :
    else
        say "Installing with pip instead; this takes some minutes."
        .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$1"
    fi
    printf '%s' "$wanted" > .venv/installed
}

chromium() {
    for name in chromium chromium-browser google-chrome; do
        if command -v "$name" > /dev/null 2>&1; then
            return
        fi
    done
    if [ -f /etc/debian_version ] && [ "$(id -u)" = 0 ]; then
        say "Installing Chromium for the browser tests."
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium > /dev/null
    else
        say "NOTE: THERE IS NO CHROMIUM HERE, SO THE BROWSER TESTS ARE LEFT OUT. Install the package chromium to run them."
    fi
}

case "${1:?a requirements file, or chromium}" in
    chromium) chromium ;;
    *) install "$@" ;;
esac
