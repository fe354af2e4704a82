# Two commands do everything on a fresh Debian 12 machine; the README tells what others need first.
.PHONY: demo build test setup check fuzz sanitize synthesis clean

# The whole job on phantom data: train, quantize, simulate, Verilog in Verilator, firmware in QEMU.
demo: build
	target/release/xtask demo

# The qunet binary in target/release.
build: setup
	cargo build --release --workspace --bins

# Every test; .ci/run calls exactly this.
test: setup check
	cargo test --release --workspace

# Formatting, lints, documentation.
check: setup
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- -D warnings
	cargo clippy --release -p qunet-runtime-embedded --no-default-features --features defmt -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc --release --workspace --no-deps --quiet

# Ten million hostile models through loader and kernels, overflows and debug assertions checked.
fuzz:
	CARGO_PROFILE_RELEASE_DEBUG_ASSERTIONS=true CARGO_PROFILE_RELEASE_OVERFLOW_CHECKS=true \
	cargo test --release --target-dir target/checked -p qunet-runtime-embedded --test hostile \
	-- --ignored --nocapture

# Loader and kernels of boards under AddressSanitizer.
sanitize:
	RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address ASAN_OPTIONS=detect_leaks=0 \
	cargo test --release --target x86_64-unknown-linux-gnu --target-dir target/sanitized \
	-p qunet-runtime-embedded --lib --test hostile --test equality

# What Yosys and nextpnr take long for: netlists beside the reference, the resource model beside synthesis.
synthesis:
	cargo test --release -p qunet-hdl-gen --test netlist --test synth --test resources -- --ignored --nocapture

# Installs what is missing, and says what and why.
setup:
	scripts/setup.sh

clean:
	cargo clean
	rm -rf build runs
