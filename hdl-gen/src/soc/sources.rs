//! The hand-written Verilog of the system around the accelerator.

macro_rules! rtl {
    ($($name:literal),* $(,)?) => {
        /// Name and text of each file of `rtl/soc/`.
        pub const RTL: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../rtl/soc/", $name)))),*];
    };
}

rtl!("qunet_soc.v", "ram_bytes.v", "soc_bridge.v", "soc_bus.v", "soc_host_port.v");

/// Name of the generated include file.
pub const DEFINITIONS: &str = "qunet_soc_defs.vh";

/// Name of the processor's file, which is not ours.
pub const PROCESSOR: &str = "picorv32.v";
