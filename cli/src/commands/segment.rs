//! `qunet segment`: masks of a new scan or picture.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use clap::Args;
use datasets::{Image, Preprocess, Scan};
use serde::Deserialize;
use sim::{EvaluateConfig, Segmenter, Simulator};

use crate::output::say;
use crate::progress;
use crate::run_dir::{is_same_file, read_model};

/// Segments a scan with the integer network; the mask has the scan's shape and geometry.
#[derive(Args)]
#[command(after_help = "Example:\n  qunet segment runs/gm/model.qunet scan.nii.gz -o seg.nii.gz \
                        --crop-around cord.nii.gz\n  qunet segment runs/em/model.qunet \
                        slice.png -o mask.png")]
pub struct Segment {
    /// Model file
    #[arg(value_name = "MODEL")]
    model: PathBuf,
    /// NIfTI volume (.nii, .nii.gz), PNG, JPEG or TIFF
    #[arg(value_name = "SCAN")]
    scan: PathBuf,
    /// Mask to write: .nii or .nii.gz for a volume, .tif for a TIFF stack, .png for other pictures
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// Segmentation to lay the model's crop around, instead of the image centre (volumes only)
    #[arg(long, value_name = "FILE")]
    crop_around: Option<PathBuf>,
    /// Pixels that neighbouring tiles share at least [default: a quarter of the shorter side of the network's input]
    #[arg(long, value_name = "PIXELS")]
    overlap: Option<usize>,
}

/// What `segment` reads of a model's metadata.
#[derive(Deserialize)]
struct Metadata {
    preprocess: Preprocess,
}

impl Segment {
    /// Prepares the scan, segments it, writes the mask in the scan's own geometry.
    pub fn run(self) -> Result<()> {
        let (_, network) = read_model(&self.model)?;
        let metadata: Metadata = serde_json::from_str(&network.metadata)
            .with_context(|| format!("model {}: metadata", self.model.display()))?;
        for (input, what) in [(&self.scan, "the scan"), (&self.model, "the model")] {
            let (output, same) = (self.output.display(), is_same_file(&self.output, input));
            ensure!(!same, "{output}: expected a file other than {what}, found {what} itself");
        }
        let mut scan = Scan::open(&self.scan)?;
        if let Some(path) = &self.crop_around {
            scan.set_crop_mask(path)?;
        } else if metadata.preprocess.crop.is_some() && matches!(scan, Scan::Volume(_)) {
            eprintln!(
                "warning: the model was trained on crops; without --crop-around the crop lies \
                 around the centre of the image"
            );
        }
        let config = EvaluateConfig { tile_overlap: self.overlap, ..EvaluateConfig::default() };
        let simulator = Simulator::new(&network)?;
        let segmenter = Segmenter::new(&simulator, &config);
        let segmenter = match self.overlap {
            Some(overlap) => segmenter.with_context(|| format!("--overlap {overlap}"))?,
            None => segmenter?,
        };
        let images = scan.slices(&metadata.preprocess)?;
        let images: Vec<&Image> = images.iter().collect();
        let bar = progress::bar(images.len() as u64, "segment");
        let mut show = |n_done: usize| bar.set_position(n_done as u64);
        let masks = segmenter.segment_all(&images, &mut show)?;
        bar.finish();
        scan.write_labels(&self.output, &masks, &metadata.preprocess)?;
        say!("{}: {} segmented", self.output.display(), slices(masks.len()));
        Ok(())
    }
}

fn slices(count: usize) -> String {
    if count == 1 { "1 slice".to_owned() } else { format!("{count} slices") }
}
