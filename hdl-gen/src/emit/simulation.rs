//! The simulation top: the build behind a Wishbone port, whatever its own ports are.
//!
//! Test bench and co-simulation speak Wishbone. A build whose top level has just that port is its
//! own simulation top; any other gets `qunet_sim_top`, which holds what stands in for the outside:
//! a bridge to AXI4-Lite, and external memory, whose host port lies at [`MEMORY_OFFSET`].

use super::top::{image_connections, image_parameters};
use crate::config::HostBus;
use crate::manifest::{Manifest, Simulation, TOP};

/// Byte address of the simulated memory's host port, behind the registers.
pub const MEMORY_OFFSET: u32 = 0x100;

const SIMULATION_TOP: &str = "qunet_sim_top";
const BRIDGE: (&str, &str) = ("wishbone_to_axi_lite.v", include_str!("wishbone_to_axi_lite.v"));
const MEMORY: (&str, &str) = ("axi_memory.v", include_str!("../../rtl/sim/axi_memory.v"));

/// Name of the simulation top and the files that only simulations compile.
pub fn files(host_bus: HostBus, external: bool) -> Simulation {
    let parts = parts(host_bus, external);
    if parts.is_empty() {
        return Simulation { top: TOP.into(), verilog: Vec::new() };
    }
    let names = parts.iter().map(|(name, _)| name.to_string());
    let verilog = names.chain([format!("{SIMULATION_TOP}.v")]).collect();
    Simulation { top: SIMULATION_TOP.into(), verilog }
}

/// Names and texts of those files.
pub fn texts(manifest: &Manifest) -> Vec<(&'static str, String)> {
    let parts = parts(manifest.host_bus, manifest.memories.external.is_some());
    if parts.is_empty() {
        return Vec::new();
    }
    let texts = parts.iter().map(|(name, text)| (*name, text.to_string()));
    texts.chain([("qunet_sim_top.v", simulation_top(manifest))]).collect()
}

fn parts(host_bus: HostBus, external: bool) -> Vec<(&'static str, &'static str)> {
    let bridge = (host_bus == HostBus::Axi4Lite).then_some(BRIDGE);
    bridge.into_iter().chain(external.then_some(MEMORY)).collect()
}

fn simulation_top(manifest: &Manifest) -> String {
    let external = manifest.memories.external.as_ref();
    let (bridge, host) = match manifest.host_bus {
        HostBus::Wishbone => ("", WISHBONE_CONNECTIONS),
        HostBus::Axi4Lite => (BRIDGE_INSTANCE, AXI_CONNECTIONS),
    };
    let memory = external.map_or(String::new(), |external| {
        let region = &external.region;
        MEMORY_INSTANCE.replace("DEPTH_VALUE", &region.depth.to_string())
    });
    let file = external.and_then(|external| external.region.file.as_deref()).unwrap_or("");
    let image = format!(",\n    parameter MEMORY_FILE = {file:?}");
    let (answer, image, port) = match external {
        None => (PLAIN_ANSWER, "", ""),
        Some(_) => (MEMORY_ANSWER, image.as_str(), MEMORY_PORT),
    };
    // one bit more chooses between the registers and the memory
    let ports = PORTS.replace("ADDRESS", if external.is_some() { "8" } else { "7" });
    format!(
        "`default_nettype none
// Generated; do not edit. Simulation only: {TOP} behind a Wishbone port.
module {SIMULATION_TOP} #(
{}{image}
) (
{ports});
{answer}{bridge}{memory}    {TOP} #(
{}
    ) u_top (
{host}{port}        .irq(irq)
    );
endmodule
`default_nettype wire
",
        image_parameters(manifest),
        image_connections(manifest),
    )
}

const PORTS: &str = "    input  wire        clk,
    input  wire        rst,
    input  wire        wb_cyc_i,
    input  wire        wb_stb_i,
    input  wire        wb_we_i,
    input  wire [ADDRESS:0] wb_adr_i,
    input  wire [31:0] wb_dat_i,
    output wire [31:0] wb_dat_o,
    output wire        wb_ack_o,
    output wire        irq
";

const PLAIN_ANSWER: &str = "    wire        strobe = wb_stb_i;
    wire [31:0] block_dat;
    wire        block_ack;
    assign wb_dat_o = block_dat;
    assign wb_ack_o = block_ack;
";

/// Accesses behind the registers go to the memory's host port.
const MEMORY_ANSWER: &str = "    wire        strobe = wb_stb_i & ~wb_adr_i[8];
    wire        to_memory = wb_cyc_i & wb_stb_i & wb_adr_i[8] & ~memory_ack;
    reg         memory_ack = 1'b0;
    wire [31:0] block_dat, memory_dat;
    wire        block_ack;
    always @(posedge clk) memory_ack <= to_memory;
    assign wb_dat_o = memory_ack ? memory_dat : block_dat;
    assign wb_ack_o = memory_ack | block_ack;
    wire [31:0]  m_araddr, m_awaddr;
    wire [7:0]   m_arlen, m_awlen;
    wire [127:0] m_rdata, m_wdata;
    wire [15:0]  m_wstrb;
    wire [1:0]   m_rresp, m_bresp;
    wire         m_arvalid, m_arready, m_rvalid, m_rready, m_awvalid, m_awready;
    wire         m_wlast, m_wvalid, m_wready, m_bvalid, m_bready;
";

const MEMORY_INSTANCE: &str =
    "    axi_memory #(.DEPTH(DEPTH_VALUE), .IMAGE(MEMORY_FILE)) u_memory (
        .clk(clk), .rst(rst), .host_write(to_memory & wb_we_i),
        .host_read(to_memory & ~wb_we_i), .host_address(wb_adr_i[7:0]),
        .host_wdata(wb_dat_i), .host_rdata(memory_dat), .araddr(m_araddr), .arlen(m_arlen),
        .arvalid(m_arvalid), .arready(m_arready), .rdata(m_rdata), .rresp(m_rresp),
        .rvalid(m_rvalid), .rready(m_rready), .awaddr(m_awaddr), .awlen(m_awlen),
        .awvalid(m_awvalid), .awready(m_awready), .wdata(m_wdata), .wstrb(m_wstrb),
        .wlast(m_wlast), .wvalid(m_wvalid), .wready(m_wready), .bresp(m_bresp),
        .bvalid(m_bvalid), .bready(m_bready)
    );
";

const MEMORY_PORT: &str = "        .m_axi_araddr(m_araddr), .m_axi_arlen(m_arlen), .m_axi_arsize(),
        .m_axi_arburst(), .m_axi_arcache(), .m_axi_arprot(), .m_axi_arvalid(m_arvalid),
        .m_axi_arready(m_arready), .m_axi_rdata(m_rdata), .m_axi_rresp(m_rresp),
        .m_axi_rlast(1'b0), .m_axi_rvalid(m_rvalid), .m_axi_rready(m_rready),
        .m_axi_awaddr(m_awaddr), .m_axi_awlen(m_awlen), .m_axi_awsize(), .m_axi_awburst(),
        .m_axi_awcache(), .m_axi_awprot(), .m_axi_awvalid(m_awvalid),
        .m_axi_awready(m_awready), .m_axi_wdata(m_wdata), .m_axi_wstrb(m_wstrb),
        .m_axi_wlast(m_wlast), .m_axi_wvalid(m_wvalid), .m_axi_wready(m_wready),
        .m_axi_bresp(m_bresp), .m_axi_bvalid(m_bvalid), .m_axi_bready(m_bready),
";

const WISHBONE_CONNECTIONS: &str = "        .clk(clk), .rst(rst),
        .wb_cyc_i(wb_cyc_i), .wb_stb_i(strobe), .wb_we_i(wb_we_i), .wb_adr_i(wb_adr_i[7:0]),
        .wb_dat_i(wb_dat_i), .wb_dat_o(block_dat), .wb_ack_o(block_ack),
";

const BRIDGE_INSTANCE: &str = "    wire [7:0]  awaddr, araddr;
    wire [31:0] wdata, rdata;
    wire [1:0]  bresp, rresp;
    wire        awvalid, awready, wvalid, wready, bvalid, bready;
    wire        arvalid, arready, rvalid, rready;
    wishbone_to_axi_lite u_bridge (
        .clk(clk), .rst(rst),
        .wb_cyc_i(wb_cyc_i), .wb_stb_i(strobe), .wb_we_i(wb_we_i), .wb_adr_i(wb_adr_i[7:0]),
        .wb_dat_i(wb_dat_i), .wb_dat_o(block_dat), .wb_ack_o(block_ack),
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
