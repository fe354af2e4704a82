//! Makes text of defmt frames: they enter on standard input, the image that printed them is named.
//!
//! usage: qunet-board-logs IMAGE < FRAMES

use std::error::Error;
use std::io::Read;
use std::process::ExitCode;

use defmt_decoder::{DecodeError, Table};

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("IMAGE: expected a path, found nothing")?;
    let image = std::fs::read(&path).map_err(|error| format!("{path}: {error}"))?;
    let table = Table::parse(&image)?.ok_or_else(|| format!("{path}: no defmt section"))?;
    let mut decoder = table.new_stream_decoder();
    let mut bytes = [0; 1024];
    loop {
        let n_bytes = std::io::stdin().read(&mut bytes)?;
        if n_bytes == 0 {
            return Ok(());
        }
        decoder.received(&bytes[..n_bytes]);
        loop {
            match decoder.decode() {
                Ok(frame) => println!("{}", frame.display(false)),
                Err(DecodeError::UnexpectedEof) => break,
                Err(DecodeError::Malformed) => return Err("a frame is malformed".into()),
            }
        }
    }
}
