#!/usr/bin/env bash
# Builds the firmware with a model inside and runs it in QEMU, where it compares every value of
# every layer with golden values.
#
# usage: scripts/firmware.sh [--target TARGET] [--board BOARD] [--setup | --build | --bundle FILE]
#   --target TARGET   thumbv7em-none-eabihf (default), thumbv6m-none-eabi or
#                     riscv32imc-unknown-none-elf
#   --board BOARD     mps2 (default) or microbit, for thumbv6m: the machine that an image is for
#   --bundle FILE     run the models of a bundle (see runtime-embedded/firmware/src/bin/bundle.rs)
#                     instead of one; prints a line of JSON for each case and one for all
#   --setup           only see to the tools, then stop
#   --build           build and check the image, but do not run it; the last line of output is
#                     {"image": PATH, "panic_symbols": N, "float_symbols": N}
#
# Environment
#   QUNET_FIRMWARE_DATA        folder, needed unless --setup:
#       model.qunet            the model
#       input_N.bin            N = 0, 1, ...: the input tensor, C*H*W bytes (CHW, one byte a value)
#       golden_N.bin           what all layers write for input_N: the output tensors of layer 0,
#                              1, ... one after another, each C*H*W bytes
#   QUNET_FIRMWARE_TOOLCHAIN   auto (default), rustup or debian: where `core` for the target
#                              comes from; auto takes rustup where its target is installed
#   QUNET_FIRMWARE_LINKER      path of a linker; default rustup's rust-lld, else GNU ld for the target
#   QUNET_FIRMWARE_TARGET_DIR  build folder; default target/firmware in the repository
#   QUNET_FIRMWARE_TIMEOUT     seconds that QEMU may run; default 300
#
# Output: progress on standard error; on standard output one line of JSON, the last one:
#   {"target", "samples", "values_compared", "mismatches",
#    "first_mismatch": null | {"sample", "layer", "offset" (byte in CHW order), "expected", "found"},
#    "instructions" (all samples, without the comparison), "macs" (all samples, padding included),
#    "arena_bytes", "stack_bytes" (deepest), "text_bytes" (machine code), "model_bytes",
#    "layer_instructions": [one sum a layer], "panic_symbols" (0: nothing in the image can panic),
#    "float_symbols" (0: no routine for floats is in the image)}
#   or {"error": TEXT} if the firmware could not run the model.
#
# Exit code: 0 all values equal; 1 a mismatch, or a build or run that failed; 2 bad usage;
# 3 a tool is missing and could not be installed (the message names the packages).
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
TARGET=thumbv7em-none-eabihf
BOARD=mps2
MODE=run
while [ $# -gt 0 ]; do
  case $1 in
    --target) [ $# -ge 2 ] || { echo "error: --target: expected a target, found nothing" >&2; exit 2; }
              TARGET=$2; shift;;
    --board) [ $# -ge 2 ] || { echo "error: --board: expected a board, found nothing" >&2; exit 2; }
             BOARD=$2; shift;;
    --bundle) [ $# -ge 2 ] && [ -f "$2" ] || { echo "error: --bundle: expected a file, found '${2:-}'" >&2; exit 2; }
              MODE=bundle; BUNDLE=$(realpath "$2"); shift;;
    --setup) MODE=setup;;
    --build) MODE=build;;
    -h|--help) sed -n '2,/^set -euo/{/^set/d;s/^# \{0,1\}//;p}' "$0"; exit 0;;
    *) echo "error: unknown argument '$1'; see --help" >&2; exit 2;;
  esac
  shift
done
case $TARGET in
  thumbv7em-none-eabihf|thumbv6m-none-eabi)
    QEMU=qemu-system-arm; PACKAGE=qemu-system-arm; BINUTILS=arm-none-eabi
    # one instruction advances the clock by 2^6 ns, so that timers count instructions
    COUNT=6;;
  riscv32imc-unknown-none-elf)
    QEMU=qemu-system-riscv32; PACKAGE=qemu-system-misc; BINUTILS=riscv64-unknown-elf
    COUNT=0;;
  *) echo "error: target: expected thumbv7em-none-eabihf, thumbv6m-none-eabi or riscv32imc-unknown-none-elf, found '$TARGET'" >&2; exit 2;;
esac
case $TARGET,$BOARD in
  riscv32*,mps2) MACHINE="virt -bios none"; BUNDLE_AT=0x81000000;;
  thumb*,mps2) MACHINE=mps2-an386; BUNDLE_AT=0x21000000;;
  thumbv6m*,microbit) MACHINE=microbit; BUNDLE_AT=0x10000;;
  *) echo "error: board: expected mps2, or microbit for thumbv6m, found '$BOARD'" >&2; exit 2;;
esac
export QUNET_FIRMWARE_BOARD=$BOARD
BUILD_DIR=${QUNET_FIRMWARE_TARGET_DIR:-$ROOT/target/firmware}
TIMEOUT=${QUNET_FIRMWARE_TIMEOUT:-300}

say() { echo "firmware: $*" >&2; }

# shellcheck source=scripts/embedded_toolchain.sh
. "$ROOT/scripts/embedded_toolchain.sh"
command -v "$QEMU" >/dev/null || need "emulates the board that the firmware runs on" "$PACKAGE"
[ "$MODE" != setup ] || { say "tools for $TARGET are there ($TOOLCHAIN toolchain)"; exit 0; }

if [ "$MODE" != bundle ]; then
[ -n "${QUNET_FIRMWARE_DATA:-}" ] || { echo "error: QUNET_FIRMWARE_DATA: expected a folder with model.qunet, input_N.bin and golden_N.bin, found nothing" >&2; exit 2; }
[ -f "$QUNET_FIRMWARE_DATA/model.qunet" ] || { echo "error: $QUNET_FIRMWARE_DATA: expected a file model.qunet, found none" >&2; exit 1; }
QUNET_FIRMWARE_DATA=$(cd "$QUNET_FIRMWARE_DATA" && pwd)
export QUNET_FIRMWARE_DATA
fi

cd "$ROOT/runtime-embedded/firmware"
mkdir -p "$BUILD_DIR"
exec 9>"$BUILD_DIR/lock"
flock 9 # another run would replace the image before it is copied
if [ "$MODE" = bundle ]; then NAME=bundle FEATURES=; else NAME=qunet-firmware FEATURES=model; fi
case $TARGET in thumbv7em*) FEATURES=$FEATURES,arm-dsp;; esac
# boards have folders of their own, so that changing from one to the other builds nothing anew
TARGET_DIR=$BUILD_DIR/$TOOLCHAIN-$BOARD
say "building for $TARGET with the $TOOLCHAIN toolchain"
build_image "$TARGET_DIR" --bin "$NAME" --features "$FEATURES" || exit 1
IMAGE=$TARGET_DIR/$TARGET/release/$NAME
checks=$(symbols "$IMAGE")
if [ "$MODE" = build ]; then
  echo "{\"image\": \"$IMAGE\", $checks}"
  exit 0
fi

RUN_IMAGE=$(mktemp)
trap 'rm -f "$RUN_IMAGE"' EXIT
cp "$IMAGE" "$RUN_IMAGE"
flock -u 9
say "running in $QEMU -machine $MACHINE"
code=0
loader=()
[ "$MODE" != bundle ] || loader=(-device "loader,file=$BUNDLE,addr=$BUNDLE_AT,force-raw=on")
# shellcheck disable=SC2086 # a machine may bring an option of its own
output=$(timeout "$TIMEOUT" "$QEMU" -machine $MACHINE "${loader[@]}" -icount shift=$COUNT -display none -serial null -monitor none \
  -chardev stdio,id=console,mux=off,signal=off -semihosting-config enable=on,target=native,chardev=console -kernel "$RUN_IMAGE" </dev/null) || code=$?
if [ "$code" = 124 ]; then
  say "error: no result within $TIMEOUT seconds (QUNET_FIRMWARE_TIMEOUT)"
  output='{"error": "timeout"}'
fi
[ "$MODE" != bundle ] || head -n -1 <<<"$output"
report=$(tail -n 1 <<<"$output")
case $report in
  "{"*"}") ;;
  *) say "error: expected a line of JSON from the firmware, found '$report'"; exit 1;;
esac
echo "${report%\}}, $checks}"
[ "$code" = 0 ] || exit 1
