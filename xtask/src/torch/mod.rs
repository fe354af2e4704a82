//! Programs for PyTorch, the peer of training: the same network, to be timed or trained.

use std::io::Result;
use std::path::{Path, PathBuf};

use quantizer::topology::Topology;

/// Input and output channels of each layer in run order, the head last.
pub fn layers(topology: &Topology) -> Vec<[usize; 2]> {
    topology.layers().iter().map(|layer| [layer.in_channels, layer.out_channels]).collect()
}

/// A program and what it imports.
pub enum Script {
    /// Times steps on random patches.
    TimeSteps,
    /// Trains on the batches that it is sent.
    Train,
}

impl Script {
    /// Writes the files into a folder; the path of the program.
    ///
    /// # Errors
    /// If writing fails.
    pub fn write(self, folder: &Path) -> Result<PathBuf> {
        let (name, text) = match self {
            Script::TimeSteps => ("time_steps.py", include_str!("time_steps.py")),
            Script::Train => ("train.py", include_str!("train.py")),
        };
        std::fs::write(folder.join("unet.py"), include_str!("unet.py"))?;
        std::fs::write(folder.join(name), text)?;
        Ok(folder.join(name))
    }
}
