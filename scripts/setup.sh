#!/usr/bin/env bash
# Installs what is missing on a Debian or Ubuntu machine, and says what and why.
# Python packages go into .venv, beside the sources, from scripts/requirements.txt.
# Idempotent; needs no root where nothing is missing. `--check` only reports.
set -euo pipefail
cd "$(dirname "$0")/.."

check_only=0
[ "${1:-}" = "--check" ] && check_only=1
missing=()

miss() { # miss "PACKAGES" "WHY"
  printf 'missing: %-28s %s\n' "$1" "$2"
  read -r -a packages <<<"$1"
  missing+=("${packages[@]}")
}

need() { # need COMMAND-OR-FILE "PACKAGES" "WHY"
  if command -v "$1" >/dev/null 2>&1 || [ -e "$1" ]; then return; fi
  miss "$2" "$3"
}

rust_is_new_enough() {
  command -v cargo >/dev/null 2>&1 || return 1
  local version
  version=$(rustc --version | sed 's/rustc \([0-9]*\)\.\([0-9]*\).*/\1 \2/')
  read -r major minor <<<"$version"
  [ "$major" -gt 1 ] || [ "$minor" -ge 95 ]
}

target_is_installed() {
  local libdir
  libdir=$(rustc --print target-libdir --target thumbv7em-none-eabihf 2>/dev/null) || return 1
  compgen -G "$libdir/libcore-*.rlib" >/dev/null
}

need g++ "build-essential" "C++ compiler: links Rust programs, builds Verilator's models"
need make "make" "runs the recipes of this Makefile"
need python3 "python3" "small tools of the test set-up"
if ! python3 -c "import ensurepip, venv" 2>/dev/null; then
  miss "python3-venv" "holds the Python packages of scripts/requirements.txt"
fi
need verilator "verilator" "simulates the generated accelerator as compiled C++"
need /usr/include/zlib.h "zlib1g-dev" "wave files of Verilator"
need iverilog "iverilog" "simulates the generated accelerator a second, independent way"
need yosys "yosys" "synthesizes the accelerator (checks that no latches are inferred)"
need z3 "z3" "proves properties of single modules (with yosys-smtbmc)"
need chromium "chromium" "looks at the pages of qunet report, without a window"
need qemu-system-arm "qemu-system-arm" "runs the firmware on an emulated Cortex-M4"
need qemu-system-riscv32 "qemu-system-misc" "runs the firmware on an emulated RISC-V core"
need arm-none-eabi-gcc "gcc-arm-none-eabi" "compiles a C program around the static library"
if ! rust_is_new_enough; then
  miss "rustc-web cargo-web rust-web-clippy rustfmt-web" "Rust 1.95 or newer (or take rustup's)"
fi
if ! target_is_installed && ! compgen -G "/usr/src/rustc-*/library/core" >/dev/null; then
  miss "rustc-web cargo-web rust-web-src" \
    "core library for the firmware (or: rustup target add thumbv7em-none-eabihf)"
fi

# The packages that were installed, as they were named then.
venv_is_current() {
  cmp -s scripts/requirements.txt .venv/requirements.txt
}

make_venv() {
  echo "set-up: installing the Python packages of scripts/requirements.txt into .venv"
  rm -f .venv/requirements.txt
  python3 -m venv .venv &&
    .venv/bin/pip install --quiet --disable-pip-version-check -r scripts/requirements.txt &&
    cp scripts/requirements.txt .venv/requirements.txt
}

install_missing() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo)
  if ! command -v apt-get >/dev/null; then
    echo "set-up: this machine has no apt-get; install by hand: ${missing[*]}" >&2
    exit 1
  fi
  echo "set-up: installing ${missing[*]}"
  "${sudo[@]}" apt-get update -qq
  DEBIAN_FRONTEND=noninteractive "${sudo[@]}" apt-get install -y -qq --no-install-recommends \
    "${missing[@]}" >/dev/null
}

if ! venv_is_current; then
  printf 'missing: %-28s %s\n' ".venv" "Python packages of scripts/requirements.txt"
elif [ ${#missing[@]} -eq 0 ]; then
  echo "set-up: nothing is missing"
  exit 0
fi
[ $check_only = 1 ] && exit 1
[ ${#missing[@]} -eq 0 ] || install_missing
if ! venv_is_current && ! make_venv; then
  echo "set-up: the packages could not be installed; tests that need them are skipped" >&2
  # where nothing may be skipped, that is a failure
  [ -z "${CI:-}" ] || exit 1
fi
echo "set-up: done"
