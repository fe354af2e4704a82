//! Which of Burn's backends runs the training.

use burn::tensor::Device;
use serde::{Deserialize, Serialize};

use crate::error::QuantizerError;

/// A backend of Burn; all but `flex` need the cargo feature of the same name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// Pure-Rust CPU backend.
    #[default]
    Flex,
    /// The older CPU backend.
    NdArray,
    /// NVIDIA GPUs.
    Cuda,
    /// GPUs through WebGPU.
    Wgpu,
}

impl Backend {
    /// The backend's first device, without gradients.
    ///
    /// # Errors
    /// If the backend was not compiled in.
    pub fn device(self) -> Result<Device, QuantizerError> {
        match self {
            #[cfg(feature = "flex")]
            Backend::Flex => Ok(Device::flex()),
            #[cfg(feature = "ndarray")]
            Backend::NdArray => Ok(Device::ndarray()),
            #[cfg(feature = "cuda")]
            Backend::Cuda => Ok(Device::cuda(0)),
            #[cfg(feature = "wgpu")]
            Backend::Wgpu => Ok(Device::wgpu(burn::tensor::DeviceKind::DefaultDevice)),
            #[allow(unreachable_patterns)]
            missing => {
                let name = format!("{missing:?}").to_lowercase();
                Err(QuantizerError::Config {
                    key: "train.backend".into(),
                    expected: format!("a build with the cargo feature {name}"),
                    found: format!("{name}, not compiled in"),
                })
            }
        }
    }
}
