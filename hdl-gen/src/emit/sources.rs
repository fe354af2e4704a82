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
    "axi_lite_slave.v",
    "axi_read.v",
    "axi_write.v",
    "channel_pack.v",
    "command_queue.v",
    "delay.v",
    "dma.v",
    "dot_product.v",
    "drain_control.v",
    "external_memory.v",
    "feature_memory.v",
    "head.v",
    "mac_array.v",
    "max_pool2d.v",
    "memory_window.v",
    "one_bit_dot_product.v",
    "output_writer.v",
    "packed_dot_product.v",
    "pixel_align.v",
    "pool_writer.v",
    "qunet_engine.v",
    "ram_1r1w.v",
    "register_block.v",
    "requantize.v",
    "sequencer.v",
    "skid_buffer.v",
    "word_fifo.v",
    "word_pack.v",
    "word_unpack.v",
    "write_arbiter.v",
);

/// Name of the generated include file.
pub const DEFINITIONS: &str = "qunet_defs.vh";

/// Verilog files of a build, in compile order.
pub fn verilog_files() -> Vec<String> {
    let primitives = RTL.iter().map(|(name, _)| name.to_string());
    primitives.chain([format!("{}.v", crate::manifest::TOP)]).collect()
}
