//! Draws a contact sheet of each phantom: images above, their masks below.
//!
//! `cargo run --release -p qunet-datasets --example phantom -- FOLDER`

use std::path::Path;

use datasets::phantom::{cord, membrane};
use datasets::{DataConfig, DataKind, Mask, Plane, load_samples, metrics};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| ".".to_string());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    let defaults = DataConfig::default();
    sheet(&folder.join("cord.png"), |i| cord::draw_slice([64, 64], defaults.noise, 0, i))?;
    sheet(&folder.join("membrane.png"), |i| membrane::draw_slice([64, 64], defaults.noise, 0, i))?;
    let large = |i| membrane::draw_slice([192, 192], defaults.noise, 0, i);
    sheet(&folder.join("membrane-large.png"), large)?;
    for kind in [DataKind::PhantomCord, DataKind::PhantomMembrane] {
        let samples = load_samples(&DataConfig { kind, ..DataConfig::default() })?;
        let (dice, threshold) = metrics::best_threshold(&samples, 1);
        println!("{kind:?}: best threshold {threshold:.2} reaches Dice {dice:.3}");
    }
    Ok(())
}

/// Four subjects side by side, two slices each.
fn sheet(
    path: &Path,
    draw: impl Fn([u64; 2]) -> (Plane, Mask),
) -> Result<(), Box<dyn std::error::Error>> {
    const ZOOM: u32 = 3;
    let drawn: Vec<(Plane, Mask)> = (0..8).map(|k| draw([k / 2, k % 2])).collect();
    let (height, width) = (drawn[0].0.height as u32, drawn[0].0.width as u32);
    let zoom = if width > 100 { 1 } else { ZOOM };
    let mut out = image::GrayImage::new(8 * width * zoom, 2 * height * zoom);
    for (x, y, pixel) in out.enumerate_pixels_mut() {
        let (px, py) = (x / zoom, y / zoom);
        let (plane, mask) = &drawn[(px / width) as usize];
        let at = (py % height * width + px % width) as usize;
        let value = if py < height { plane.data[at] } else { f32::from(mask.data[at]) };
        pixel.0 = [(value * 230.0).clamp(0.0, 255.0) as u8];
    }
    out.save(path)?;
    Ok(())
}
