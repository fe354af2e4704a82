//! The simulation top: the build behind a Wishbone port, whatever its own ports are.
//!
//! Test bench and co-simulation speak Wishbone. A build whose top level has just that port is its
//! own simulation top; any other gets `qunet_sim_top`, which holds what stands in for the outside.

use super::top::WISHBONE_PORTS;
use crate::config::HostBus;
use crate::manifest::{Manifest, Simulation, TOP};

const SIMULATION_TOP: &str = "qunet_sim_top";
const BRIDGE: (&str, &str) = ("wishbone_to_axi_lite.v", include_str!("wishbone_to_axi_lite.v"));

/// Name of the simulation top and the files that only simulations compile.
pub fn files(host_bus: HostBus) -> Simulation {
    match host_bus {
        HostBus::Wishbone => Simulation { top: TOP.into(), verilog: Vec::new() },
        HostBus::Axi4Lite => Simulation {
            top: SIMULATION_TOP.into(),
            verilog: vec![BRIDGE.0.into(), format!("{SIMULATION_TOP}.v")],
        },
    }
}

/// Names and texts of those files.
pub fn texts(manifest: &Manifest) -> Vec<(&'static str, String)> {
    match manifest.host_bus {
        HostBus::Wishbone => Vec::new(),
        HostBus::Axi4Lite => {
            vec![(BRIDGE.0, BRIDGE.1.into()), ("qunet_sim_top.v", simulation_top(manifest))]
        }
    }
}

fn simulation_top(manifest: &Manifest) -> String {
    let m = &manifest.memories;
    let file = |memory: &crate::manifest::Memory| memory.file.clone().unwrap_or_default();
    format!(
        "`default_nettype none
// Generated; do not edit. Simulation only: {TOP} behind a Wishbone port.
module {SIMULATION_TOP} #(
    parameter WEIGHT_FILE = \"{}\",
    parameter PARAM_FILE = \"{}\",
    parameter DESC_FILE = \"{}\"
) (
{WISHBONE_PORTS}    output wire        irq
);
{AXI_WIRES}    {TOP} #(
        .WEIGHT_FILE(WEIGHT_FILE), .PARAM_FILE(PARAM_FILE), .DESC_FILE(DESC_FILE)
    ) u_top (
{AXI_CONNECTIONS}        .irq(irq)
    );
endmodule
`default_nettype wire
",
        file(&m.weights),
        file(&m.params),
        file(&m.descriptors),
    )
}

const AXI_WIRES: &str = "    wire [7:0]  awaddr, araddr;
    wire [31:0] wdata, rdata;
    wire [1:0]  bresp, rresp;
    wire        awvalid, awready, wvalid, wready, bvalid, bready;
    wire        arvalid, arready, rvalid, rready;
    wishbone_to_axi_lite u_bridge (
        .clk(clk), .rst(rst),
        .wb_cyc_i(wb_cyc_i), .wb_stb_i(wb_stb_i), .wb_we_i(wb_we_i), .wb_adr_i(wb_adr_i),
        .wb_dat_i(wb_dat_i), .wb_dat_o(wb_dat_o), .wb_ack_o(wb_ack_o),
        .awaddr(awaddr), .awvalid(awvalid), .awready(awready), .wdata(wdata), .wvalid(wvalid),
        .wready(wready), .bresp(bresp), .bvalid(bvalid), .bready(bready), .araddr(araddr),
        .arvalid(arvalid), .arready(arready), .rdata(rdata), .rresp(rresp), .rvalid(rvalid),
        .rready(rready)
    );
";

const AXI_CONNECTIONS: &str = "        .aclk(clk), .aresetn(~rst),
        .s_axi_awaddr(awaddr), .s_axi_awprot(3'b000), .s_axi_awvalid(awvalid),
        .s_axi_awready(awready), .s_axi_wdata(wdata), .s_axi_wstrb(4'b1111),
        .s_axi_wvalid(wvalid), .s_axi_wready(wready), .s_axi_bresp(bresp),
        .s_axi_bvalid(bvalid), .s_axi_bready(bready), .s_axi_araddr(araddr),
        .s_axi_arprot(3'b000), .s_axi_arvalid(arvalid), .s_axi_arready(arready),
        .s_axi_rdata(rdata), .s_axi_rresp(rresp), .s_axi_rvalid(rvalid), .s_axi_rready(rready),
";
