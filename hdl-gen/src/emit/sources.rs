//! The hand-written Verilog, carried inside the tool.

macro_rules! rtl {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each file of `rtl/`.
        pub const RTL: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../rtl/", $name)))),*];
    };
}

rtl!(
    "accumulator.v",
    "address_generator.v",
    "channel_pack.v",
    "delay.v",
    "dot_product.v",
    "drain_control.v",
    "feature_memory.v",
    "head.v",
    "mac_array.v",
    "max_pool2d.v",
    "memory_window.v",
    "output_writer.v",
    "packed_dot_product.v",
    "pixel_align.v",
    "qunet_engine.v",
    "ram_1r1w.v",
    "register_block.v",
    "requantize.v",
    "sequencer.v",
);

/// Name of the generated include file.
pub const DEFINITIONS: &str = "qunet_defs.vh";

/// Verilog files of a build, in compile order.
pub fn verilog_files() -> Vec<String> {
    let primitives = RTL.iter().map(|(name, _)| name.to_string());
    primitives.chain([format!("{}.v", crate::manifest::TOP)]).collect()
}
