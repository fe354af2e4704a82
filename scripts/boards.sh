#!/usr/bin/env bash
# Builds the firmware of a board (runtime-embedded/boards) with a model inside, and runs it where
# QEMU can.
#
# usage: scripts/boards.sh BOARD [--run | --setup] [--defmt]
#   BOARD    nucleo-f446re, rp2040, esp32-c3, picorv32-soc, or capi (the C library and its example)
#   --run    run it in QEMU too: nucleo-f446re unchanged on netduinoplus2, rp2040 and esp32-c3 built
#            for microbit and riscv32 virt, capi's example on mps2-an386; picorv32-soc is run by
#            `qunet soc`
#   --setup  only see to the tools, then stop
#   --defmt  nucleo-f446re: the example that prints defmt frames; --run makes text of them
#
# Environment
#   QUNET_FIRMWARE_DATA        folder with model.qunet, input_0.bin and output_0.bin (the input and
#                              output tensor of a sample, C*H*W bytes), as this writes it:
#                              cargo run --release -p qunet-sim --example board_data -- MODEL DIR
#                              picorv32-soc needs the model only
#   QUNET_CAPI_ARENA_BYTES     capi: bytes of the model's arena
#   QUNET_SOC_ACCELERATOR      picorv32-soc: build folder of the accelerator
#   QUNET_SOC_RAM_BYTES        picorv32-soc: bytes of memory
#   QUNET_FIRMWARE_TOOLCHAIN   auto (default), rustup or debian: where `core` for the target
#                              comes from; auto takes rustup where its target is installed
#   QUNET_FIRMWARE_LINKER      path of a linker; default rustup's rust-lld, else GNU ld for the target
#   QUNET_BOARDS_TARGET_DIR    build folder; default target/boards in the repository
#   QUNET_BOARDS_IMAGE         where to put a copy of the image; default none
#   QUNET_BOARDS_TIMEOUT       seconds that QEMU may run; default 300
#
# Output: progress on standard error; on standard output what the program prints, and last one line
# of JSON:
#   {"board", "target", "image": PATH, "panic_symbols": N, "float_symbols": N}
#
# Exit code: 0 done, and equal to the simulator; 1 a build that failed, or a difference; 2 bad usage; 3 a tool is missing and could not be
# installed (the message names the packages).
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BOARD=
MODE=build
EXAMPLE=
while [ $# -gt 0 ]; do
  case $1 in
    --setup) MODE=setup;;
    --run) MODE=run;;
    --defmt) EXAMPLE=-defmt;;
    -h|--help) sed -n '2,/^set -euo/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0;;
    -*) echo "error: unknown argument '$1'; see --help" >&2; exit 2;;
    *) BOARD=$1;;
  esac
  shift
done
BINUTILS=arm-none-eabi
QEMU=qemu-system-arm
PACKAGE=qemu-system-arm
FEATURES=()
case $BOARD in
  nucleo-f446re) TARGET=thumbv7em-none-eabihf; MACHINE=netduinoplus2;;
  rp2040) TARGET=thumbv6m-none-eabi; MACHINE=microbit;;
  esp32-c3) TARGET=riscv32imc-unknown-none-elf; BINUTILS=riscv64-unknown-elf
            MACHINE=virt; QEMU=qemu-system-riscv32; PACKAGE=qemu-system-misc;;
  picorv32-soc) TARGET=riscv32imc-unknown-none-elf; BINUTILS=riscv64-unknown-elf; MACHINE=;;
  capi) TARGET=thumbv7em-none-eabihf; MACHINE=mps2-an386;;
  *) echo "error: board: expected nucleo-f446re, rp2040, esp32-c3, picorv32-soc or capi, found '$BOARD'" >&2; exit 2;;
esac
if [ "$MODE" = run ]; then
  case $BOARD in
    picorv32-soc) echo "error: picorv32-soc: QEMU has no such machine; 'qunet soc' runs it in Verilator" >&2; exit 2;;
    rp2040|esp32-c3) FEATURES=(--features qemu);;
  esac
fi
if [ -n "$EXAMPLE" ]; then
  [ "$BOARD" = nucleo-f446re ] || { echo "error: --defmt: expected nucleo-f446re, found '$BOARD'" >&2; exit 2; }
  FEATURES+=(--features defmt)
fi
BUILD_DIR=${QUNET_BOARDS_TARGET_DIR:-$ROOT/target/boards}

say() { echo "boards: $*" >&2; }

# shellcheck source=scripts/embedded_toolchain.sh
. "$ROOT/scripts/embedded_toolchain.sh"
if [ "$MODE" = run ]; then
  command -v "$QEMU" >/dev/null || need "emulates a board" "$PACKAGE"
fi
if [ "$BOARD" = capi ]; then
  command -v arm-none-eabi-gcc >/dev/null || need "compiles the C example" gcc-arm-none-eabi
fi
[ "$MODE" != setup ] || { say "tools for $BOARD are there ($TOOLCHAIN toolchain)"; exit 0; }

[ -n "${QUNET_FIRMWARE_DATA:-}" ] || { echo "error: QUNET_FIRMWARE_DATA: expected a folder with model.qunet, found nothing" >&2; exit 2; }
[ -f "$QUNET_FIRMWARE_DATA/model.qunet" ] || { echo "error: $QUNET_FIRMWARE_DATA: expected a file model.qunet, found none" >&2; exit 1; }
QUNET_FIRMWARE_DATA=$(cd "$QUNET_FIRMWARE_DATA" && pwd)
export QUNET_FIRMWARE_DATA

mkdir -p "$BUILD_DIR"
exec 9>"$BUILD_DIR/lock"
flock 9 # another run would replace the image before it is copied
cd "$ROOT/runtime-embedded/boards/$BOARD"
say "building $BOARD for $TARGET with the $TOOLCHAIN toolchain"
build_image "$BUILD_DIR/$TOOLCHAIN" "${FEATURES[@]}" || exit 1
BUILT=$BUILD_DIR/$TOOLCHAIN/$TARGET/release
IMAGE=$BUILT/qunet-$BOARD$EXAMPLE
if [ "$BOARD" = capi ]; then
  # the sizes that a C programmer takes from `qunet inspect` are those of the files here
  IMAGE=$BUILT/qunet-capi-example
  C=$ROOT/runtime-embedded/boards/capi
  sizes=(-DOUTPUT_BYTES="$(stat -c %s "$QUNET_FIRMWARE_DATA/output_0.bin")" -DARENA_BYTES="${QUNET_CAPI_ARENA_BYTES:?expected the bytes of the arena, which qunet inspect prints}")
  arm-none-eabi-gcc -std=c11 -Wall -Wextra -Werror -O2 -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -ffreestanding -nostdlib \
    "${sizes[@]}" -I "$C/include" -Wa,-I,"$QUNET_FIRMWARE_DATA" -T "$C/example/mps2.ld" "$C/example/start.S" "$C/example/main.c" \
    "$BUILT/libqunet.a" -Wl,--gc-sections -Wl,--no-warn-rwx-segments -o "$IMAGE" >&2 || exit 1
fi
if [ -n "${QUNET_BOARDS_IMAGE:-}" ]; then cp "$IMAGE" "$QUNET_BOARDS_IMAGE"; IMAGE=$QUNET_BOARDS_IMAGE; fi
code=0
if [ "$MODE" = run ]; then
  RUN_IMAGE=$(mktemp)
  trap 'rm -f "$RUN_IMAGE"' EXIT
  cp "$IMAGE" "$RUN_IMAGE"
  flock -u 9
  say "running in $QEMU -machine $MACHINE"
  bios=()
  [ "$MACHINE" != virt ] || bios=(-bios none)
  emulator=(timeout "${QUNET_BOARDS_TIMEOUT:-300}" "$QEMU" -machine "$MACHINE" "${bios[@]}" -display none -serial null -monitor none
    -chardev stdio,id=console,mux=off,signal=off -semihosting-config enable=on,target=native,chardev=console
    -kernel "$RUN_IMAGE")
  if [ -n "$EXAMPLE" ]; then
    say "building what makes text of the frames"
    (cd "$ROOT/runtime-embedded/boards/logs" && cargo build --quiet --release --target-dir "$BUILD_DIR/host") >&2 || exit 1
    "${emulator[@]}" </dev/null | "$BUILD_DIR/host/release/qunet-board-logs" "$RUN_IMAGE" || code=$?
  else
    "${emulator[@]}" </dev/null || code=$?
  fi
  [ "$code" != 124 ] || say "error: no result within ${QUNET_BOARDS_TIMEOUT:-300} seconds (QUNET_BOARDS_TIMEOUT)"
fi
echo "{\"board\": \"$BOARD\", \"target\": \"$TARGET\", \"image\": \"$IMAGE\", $(symbols "$IMAGE")}"
[ "$code" = 0 ] || exit 1
