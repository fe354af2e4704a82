//! Golden files: small models with inputs and the checksum of every tensor, kept in the repository.
//!
//! They show when the format or the arithmetic drifts: a model written by an earlier version must
//! be read, written back byte for byte and give the same integers.

use std::fs;
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use network::{Mode, Network};
use serde_json::{Value, json};

use crate::inputs;
use crate::unet::{Unet, Upsampling, unet};

/// One golden model: `NAME.qunet`, `NAME.input` (bytes) and `NAME.json` (checksums).
struct Golden {
    name: &'static str,
    config: Unet,
}

fn goldens() -> [Golden; 2] {
    let small = Unet { base: 3, depth: 2, size: [12, 16], seed: 2024, ..Unet::default() };
    let transposed = Unet {
        mode: Mode::Fixed,
        upsampling: Upsampling::Transposed,
        weight_bits: 2,
        activation_bits: 4,
        n_classes: 3,
        ..small
    };
    [
        Golden { name: "unet-nearest-scaled", config: small },
        Golden { name: "unet-transposed-fixed", config: transposed },
    ]
}

/// Writes the golden files; their diff is reviewed before it is committed.
///
/// # Errors
/// If a file cannot be written.
pub fn write(folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    for golden in goldens() {
        let mut network = unet(&golden.config);
        network.name = golden.name.into();
        network.metadata = json!({"input_step": 0.03125, "classes": []}).to_string();
        let input = inputs::random(&network, 7);
        let model = network.to_bytes().context(golden.name)?;
        let text = serde_json::to_string_pretty(&describe(&network, &model, &input)?)?;
        put(&folder.join(format!("{}.qunet", golden.name)), &model)?;
        put(&folder.join(format!("{}.input", golden.name)), &input)?;
        put(&folder.join(format!("{}.json", golden.name)), format!("{text}\n").as_bytes())?;
    }
    Ok(())
}

/// Reads the golden files back and compares everything that they say.
///
/// # Errors
/// If a file is absent, unreadable, or the model, a tensor or the written bytes differ.
pub fn check(folder: &Path) -> Result<()> {
    for golden in goldens() {
        let path = |extension: &str| folder.join(format!("{}.{extension}", golden.name));
        let read = |extension: &str| {
            fs::read(path(extension)).with_context(|| path(extension).display().to_string())
        };
        let (model, input) = (read("qunet")?, read("input")?);
        let expected: Value = serde_json::from_slice(&read("json")?)
            .with_context(|| path("json").display().to_string())?;
        let network =
            Network::from_bytes(&model).with_context(|| path("qunet").display().to_string())?;
        ensure!(
            network.to_bytes()? == model,
            "{}: reading and writing it changes its bytes",
            path("qunet").display()
        );
        compare(golden.name, &expected, &describe(&network, &model, &input)?)?;
        let mut built = unet(&golden.config);
        (built.name, built.metadata) = (network.name.clone(), network.metadata.clone());
        ensure!(built == network, "{}: the same seed builds another network", golden.name);
    }
    Ok(())
}

/// Bytes of the file and the checksum of every tensor.
fn describe(network: &Network, model: &[u8], input: &[u8]) -> Result<Value> {
    let values = network.run_reference(input)?;
    let tensor = |(tensor, bytes): (&network::Tensor, &Vec<u8>)| {
        let shape = [tensor.spec.channels, tensor.spec.height, tensor.spec.width];
        json!({"name": tensor.name, "shape": shape, "crc32": crc(bytes)})
    };
    let tensors: Vec<Value> = network.tensors.iter().zip(&values).map(tensor).collect();
    Ok(json!({"file_bytes": model.len(), "file_crc32": crc(model), "tensors": tensors}))
}

/// The first difference, by tensor.
fn compare(name: &str, expected: &Value, found: &Value) -> Result<()> {
    for key in ["file_bytes", "file_crc32"] {
        ensure!(
            expected[key] == found[key],
            "{name}: {key}: expected {}, found {}",
            expected[key],
            found[key]
        );
    }
    let list = |value: &Value| value["tensors"].as_array().cloned().unwrap_or_default();
    let (expected, found) = (list(expected), list(found));
    ensure!(
        expected.len() == found.len(),
        "{name}: number of tensors: expected {}, found {}",
        expected.len(),
        found.len()
    );
    match expected.iter().zip(&found).find(|(e, f)| e != f) {
        Some((e, f)) => bail!("{name}: tensor: expected {e}, found {f}"),
        None => Ok(()),
    }
}

fn crc(bytes: &[u8]) -> String {
    format!("{:08x}", crc32fast::hash(bytes))
}

/// Writes beside and renames.
fn put(path: &Path, bytes: &[u8]) -> Result<()> {
    let write = || {
        let folder = path.parent().unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.persist(path).map_err(|error| error.error)?;
        anyhow::Ok(())
    };
    write().with_context(|| path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use network::Layer;

    fn checked_in() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/golden"))
    }

    #[test]
    fn the_golden_files_still_hold() {
        check(checked_in()).expect("golden files (`cargo xtask bless` writes them anew)");
    }

    #[test]
    fn what_is_written_passes_and_any_change_fails() {
        let folder = tempfile::tempdir().expect("temporary folder");
        write(folder.path()).expect("writes");
        check(folder.path()).expect("passes");
        let json = folder.path().join("unet-nearest-scaled.json");
        let text = fs::read_to_string(&json).expect("reads");
        let crc = text.rfind("\"crc32\": \"").expect("has checksums") + 10;
        let digit = if text.as_bytes()[crc] == b'0' { "1" } else { "0" };
        let mut changed = text.clone();
        changed.replace_range(crc..crc + 1, digit);
        fs::write(&json, changed).expect("writes");
        let message = check(folder.path()).expect_err("changed").to_string();
        assert!(message.starts_with("unet-nearest-scaled: tensor: expected"), "{message}");

        fs::write(&json, text).expect("writes");
        let model = folder.path().join("unet-nearest-scaled.qunet");
        let mut network = Network::from_bytes(&fs::read(&model).expect("reads")).expect("valid");
        if let Layer::Conv2d(conv) = &mut network.layers[1] {
            conv.weights[5] ^= 1;
        }
        fs::write(&model, network.to_bytes().expect("valid")).expect("writes");
        assert!(check(folder.path()).is_err());
    }
}
