# What scripts/firmware.sh and scripts/boards.sh share: where `core` for $TARGET and the linker come
# from, the build, and what is counted in an image. Sourced; reads ROOT, TARGET and BINUTILS (prefix
# of GNU's tools), and `say`; sets TOOLCHAIN (rustup or debian) and, for debian, LINKER.

# Installs what is missing of the packages after the reason; root is only asked for if something is.
need() {
  local reason=$1 missing=() sudo=() package; shift
  for package in "$@"; do
    dpkg -s "$package" >/dev/null 2>&1 || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}: $reason"
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || { say "error: no root and no sudo; as root run: apt-get install ${missing[*]}"; exit 3; }
    sudo=(sudo)
  fi
  { "${sudo[@]}" apt-get update -qq &&
    "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >&2 ||
    { say "error: could not install ${missing[*]}"; exit 3; }
}

rustup_has_target() {
  local libraries
  libraries=$(cd "$ROOT" && rustc --print target-libdir --target "$TARGET" 2>/dev/null) &&
    compgen -G "$libraries/libcore-*.rlib" >/dev/null
}

# Debian's packages need a linker for the target: rustup's, else GNU ld.
pick_linker() {
  local lld
  if [ -n "${QUNET_FIRMWARE_LINKER:-}" ]; then LINKER=$QUNET_FIRMWARE_LINKER; return; fi
  lld=$(cd "$ROOT" && rustc --print sysroot 2>/dev/null || true)
  lld=$lld/lib/rustlib/$(uname -m)-unknown-linux-gnu/bin/rust-lld
  if [ -x "$lld" ]; then LINKER=$lld; return; fi
  need "links the firmware image" "binutils-$BINUTILS"
  LINKER=$BINUTILS-ld
}

TOOLCHAIN=${QUNET_FIRMWARE_TOOLCHAIN:-auto}
case $TOOLCHAIN in
  rustup|debian) ;;
  auto) if rustup_has_target; then TOOLCHAIN=rustup; else TOOLCHAIN=debian; fi;;
  *) echo "error: QUNET_FIRMWARE_TOOLCHAIN: expected auto, rustup or debian, found '$TOOLCHAIN'" >&2; exit 2;;
esac
if [ "$TOOLCHAIN" = debian ]; then
  need "compiles Rust's core library for $TARGET, which rustup has not installed ('rustup target add $TARGET' would do instead)" \
    rustc-web cargo-web rust-web-src gcc libc6-dev
  pick_linker
fi

# build_image FOLDER ARGUMENTS...: `cargo build` of the crate here for $TARGET, into a build folder.
build_image() {
  local folder=$1 variable flavor=() clean; shift
  local build=(build --quiet --release --target "$TARGET" --target-dir "$folder" "$@")
  # A surrounding cargo must not leak its settings into this build for another machine.
  clean=(env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET -u RUSTC_WRAPPER -u RUSTC_WORKSPACE_WRAPPER -u LD_LIBRARY_PATH)
  if [ "$TOOLCHAIN" = rustup ]; then
    "${clean[@]}" cargo "${build[@]}" >&2
    return
  fi
  variable=CARGO_TARGET_$(tr a-z- A-Z_ <<<"$TARGET")
  case $LINKER in
    *arm-none-eabi-ld) flavor=("${variable}_RUSTFLAGS=-Clinker-flavor=ld");;
    *riscv64-unknown-elf-ld) flavor=("${variable}_RUSTFLAGS=-Clinker-flavor=ld -Clink-arg=-melf32lriscv");;
  esac
  "${clean[@]}" -u RUSTUP_TOOLCHAIN -u CARGO -u RUSTDOC \
    PATH=/usr/bin:/bin RUSTC=/usr/bin/rustc RUSTC_BOOTSTRAP=1 "${variable}_LINKER=$LINKER" "${flavor[@]}" \
    /usr/bin/cargo "${build[@]}" -Zbuild-std=core >&2
}

# symbols IMAGE: what can panic needs the first, and what computes with floats the others; as fields
# of JSON.
symbols() {
  local panics floats
  panics=$(grep -aoE '9panicking|rust_begin_unwind' "$1" | wc -l || true)
  floats=$(grep -aoE '__aeabi_[fd](add|r?sub|mul|div|cmp[a-z]*)|__aeabi_u?[il]2[fd]|__aeabi_[fd]2[a-z]+|__(add|sub|mul|div)[sd]f3|__float[a-z]*[sd]f|__fix[a-z]*[sd]f' "$1" | wc -l || true)
  echo "\"panic_symbols\": $panics, \"float_symbols\": $floats"
}
