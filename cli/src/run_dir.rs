//! The folder of a run: the model, and a few real inputs for co-simulation and firmware.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use network::{Graph, Network};

/// Folder of the sample inputs beside a model: `input_0.bin`, … in CHW order, one byte a value.
pub fn samples_dir(model: &Path) -> PathBuf {
    model.parent().unwrap_or(Path::new(".")).join("samples")
}

/// Reads and checks a model file.
pub fn read_model(path: &Path) -> Result<(Vec<u8>, Network)> {
    let context = || format!("model {}", path.display());
    let bytes = std::fs::read(path).with_context(context)?;
    let network = Network::from_bytes(&bytes).with_context(context)?;
    Ok((bytes, network))
}

/// The first `count` sample inputs of a folder that fit the network; none if there is no folder.
pub fn read_samples(folder: &Path, network: &Network, count: usize) -> Result<Vec<Vec<u8>>> {
    let mut samples = Vec::new();
    for index in 0..count {
        let path = folder.join(format!("input_{index}.bin"));
        if !path.exists() {
            break;
        }
        let bytes = std::fs::read(&path).with_context(|| format!("sample {}", path.display()))?;
        network.check_input(&bytes).with_context(|| format!("sample {}", path.display()))?;
        samples.push(bytes);
    }
    Ok(samples)
}

/// `count` inputs: the samples first, then a seeded sequence over the whole input range.
pub fn inputs(folder: &Path, network: &Network, count: usize) -> Result<Vec<Vec<u8>>> {
    let mut inputs = read_samples(folder, network, count)?;
    let spec = network.spec(Graph::input(network));
    let span = (spec.max_value() - spec.min_value() + 1) as u64;
    for seed in inputs.len() as u64..count as u64 {
        let mut state = seed.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let value = || {
            // xorshift64 (Marsaglia 2003)
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            spec.encode(spec.min_value() + (state % span) as i32)
        };
        inputs.push(std::iter::repeat_with(value).take(spec.len()).collect());
    }
    Ok(inputs)
}

/// Both exist and are one file, whatever they are called.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    match (a.canonicalize(), b.canonicalize()) {
        (Ok(a), Ok(b)) => a == b,
        _ => false,
    }
}
