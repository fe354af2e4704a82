//! Writes what the firmware of a board carries: the model, a sample, and what the simulator gives.
//!
//! `cargo run --release -p qunet-sim --example board_data -- MODEL DIR`; the sample is
//! `samples/input_0.bin` beside the model, or zeros.

use std::error::Error;
use std::fs;
use std::path::PathBuf;

use network::Network;
use sim::Simulator;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(model), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("expected MODEL DIR".into());
    };
    let bytes = fs::read(&model).map_err(|e| format!("{}: {e}", model.display()))?;
    let network = Network::from_bytes(&bytes).map_err(|e| format!("{}: {e}", model.display()))?;
    let sample = model.with_file_name("samples").join("input_0.bin");
    let input = match sample.exists() {
        true => fs::read(&sample).map_err(|e| format!("{}: {e}", sample.display()))?,
        false => vec![0; network.spec(network.input).len()],
    };
    let trace = Simulator::new(&network)?.trace(&input)?;
    fs::create_dir_all(&folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let output = &trace.tensors[network.output.index()];
    for (name, bytes) in
        [("model.qunet", &bytes), ("input_0.bin", &input), ("output_0.bin", output)]
    {
        let path = folder.join(name);
        fs::write(&path, bytes).map_err(|e| format!("{}: {e}", path.display()))?;
    }
    Ok(())
}
