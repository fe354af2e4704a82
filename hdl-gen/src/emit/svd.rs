//! `qunet.svd`: the register block in CMSIS-SVD 1.3, for debuggers and for svd2rust.

use std::fmt::Write;

use network::registers::{
    Access, Bits, ID, ID_VALUE, REGISTERS, Register, VERSION, VERSION_VALUE, WINDOW_DATA,
};

/// Bytes of the register block.
const BLOCK_BYTES: u32 = 0x100;

/// Text of the file; addresses are offsets, the base is the user's.
pub fn svd() -> String {
    let registers: String = REGISTERS.iter().map(register).collect();
    let [major, minor, patch] =
        [VERSION_VALUE >> 16, VERSION_VALUE >> 8 & 255, VERSION_VALUE & 255];
    format!(
        r#"<?xml version="1.0" encoding="utf-8"?>
<!-- Generated from network::registers; do not edit. Set baseAddress to where the block lies. -->
<device schemaVersion="1.3" xmlns:xs="http://www.w3.org/2001/XMLSchema-instance" xs:noNamespaceSchemaLocation="CMSIS-SVD.xsd">
  <name>QUNET</name>
  <version>{major}.{minor}.{patch}</version>
  <description>qunet accelerator</description>
  <addressUnitBits>8</addressUnitBits>
  <width>32</width>
  <size>32</size>
  <peripherals>
    <peripheral>
      <name>QUNET</name>
      <description>Register block of the accelerator</description>
      <baseAddress>0x00000000</baseAddress>
      <addressBlock>
        <offset>0x0</offset>
        <size>{BLOCK_BYTES:#x}</size>
        <usage>registers</usage>
      </addressBlock>
      <registers>
{registers}      </registers>
    </peripheral>
  </peripherals>
</device>
"#
    )
}

fn register(register: &Register) -> String {
    let mut text = String::new();
    let mut line = |tag: &str, value: &str| {
        let _ = writeln!(text, "          <{tag}>{value}</{tag}>");
    };
    line("name", &register.name.to_uppercase());
    line("description", &escaped(register.doc));
    line("addressOffset", &format!("{:#04x}", register.offset));
    line("access", access(register.access));
    let reset = [(ID, ID_VALUE), (VERSION, VERSION_VALUE)];
    if let Some((_, value)) = reset.iter().find(|(constant, _)| constant == register) {
        line("resetValue", &format!("{value:#010x}"));
    }
    if register.access == Access::WriteOneToClear {
        line("modifiedWriteValues", "oneToClear");
    }
    if *register == WINDOW_DATA {
        line("readAction", "modifyExternal");
    }
    if !register.bits.is_empty() {
        let fields: String = register.bits.iter().map(field).collect();
        let _ = write!(text, "          <fields>\n{fields}          </fields>\n");
    }
    format!("        <register>\n{text}        </register>\n")
}

fn field(bits: &Bits) -> String {
    format!(
        "            <field>
              <name>{}</name>
              <description>{}</description>
              <bitOffset>{}</bitOffset>
              <bitWidth>{}</bitWidth>
            </field>
",
        bits.name.to_uppercase(),
        escaped(bits.doc),
        bits.lsb,
        bits.width
    )
}

fn access(access: Access) -> &'static str {
    match access {
        Access::ReadOnly => "read-only",
        Access::ReadWrite | Access::WriteOneToClear => "read-write",
        Access::WriteOnly => "write-only",
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_register_and_field_is_there_once() {
        let text = svd();
        let n_fields: usize = REGISTERS.iter().map(|register| register.bits.len()).sum();
        assert_eq!(text.matches("<register>").count(), REGISTERS.len());
        assert_eq!(text.matches("<field>").count(), n_fields);
        for tag in ["register", "field", "registers", "peripheral", "device", "fields"] {
            let closed = text.matches(&format!("</{tag}>")).count();
            let opened = text.matches(&format!("<{tag}>")).count();
            assert!(closed == opened || tag == "device", "{tag}");
        }
        assert!(text.contains(
            "          <name>ERR</name>
          <description>errors</description>
          <addressOffset>0x18</addressOffset>
          <access>read-write</access>
          <modifiedWriteValues>oneToClear</modifiedWriteValues>"
        ));
        assert!(text.contains("<resetValue>0x514e4554</resetValue>"));
        let last = REGISTERS.last().expect("registers");
        assert!(last.offset < BLOCK_BYTES);
    }

    #[test]
    fn text_is_escaped() {
        assert_eq!(escaped("a < b & c > d"), "a &lt; b &amp; c &gt; d");
    }
}
