//! ONNX Runtime in a Python process that stays for many models.

use std::io::{Error, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::error::ExportError;

/// The program that runs in Python; its first lines document the protocol.
const SCRIPT: &str = include_str!("onnx_runtime.py");
/// Longest message or output that is believed: 2 GiB, the largest protobuf.
const MAX_BYTES: u64 = 1 << 31;

/// A running ONNX Runtime.
pub struct OnnxRuntime {
    python: PathBuf,
    version: String,
    process: Child,
    // none once the process was told to end
    requests: Option<ChildStdin>,
    answers: ChildStdout,
    _folder: tempfile::TempDir,
}

/// The first of `.venv` in the given folders, then `python3`, that has ONNX Runtime.
///
/// # Errors
/// [`ExportError::NoPython`] if none has.
pub fn find_python(folders: &[PathBuf]) -> Result<PathBuf, ExportError> {
    let in_folder = |folder: &PathBuf| folder.join(".venv/bin/python");
    let candidates = folders.iter().map(in_folder).chain([PathBuf::from("python3")]);
    let candidates: Vec<PathBuf> = candidates.collect();
    if let Some(found) = candidates.iter().find(|python| has_onnx_runtime(python)) {
        return Ok(found.clone());
    }
    let names: Vec<String> = candidates.iter().map(|p| p.display().to_string()).collect();
    Err(ExportError::NoPython { tried: names.join(", ") })
}

fn has_onnx_runtime(python: &Path) -> bool {
    let mut command = Command::new(python);
    let output = command.args(["-c", "import numpy, onnxruntime"]).output();
    output.is_ok_and(|output| output.status.success())
}

impl OnnxRuntime {
    /// Starts ONNX Runtime in a Python that has it.
    ///
    /// # Errors
    /// [`ExportError::Process`] if it does not start.
    pub fn start(python: &Path) -> Result<OnnxRuntime, ExportError> {
        let fail = |source| ExportError::Process { python: python.to_path_buf(), source };
        let folder = tempfile::tempdir().map_err(fail)?;
        let script = folder.path().join("onnx_runtime.py");
        std::fs::write(&script, SCRIPT).map_err(fail)?;
        let mut command = Command::new(python);
        command.arg(&script).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().map_err(fail)?;
        let (requests, answers) = (process.stdin.take(), process.stdout.take());
        let (Some(requests), Some(mut answers)) = (requests, answers) else {
            return Err(fail(Error::from(ErrorKind::BrokenPipe)));
        };
        let version = receive_bytes(&mut answers).map_err(|error| fail(ended(error)))?;
        Ok(OnnxRuntime {
            python: python.to_path_buf(),
            version: String::from_utf8_lossy(&version).into_owned(),
            process,
            requests: Some(requests),
            answers,
            _folder: folder,
        })
    }

    /// Version of ONNX Runtime.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The bytes of each output of a model, for inputs given together as one batch.
    ///
    /// # Shapes
    /// Each input C·H·W bytes, each output N·C·H·W bytes for N inputs.
    ///
    /// # Errors
    /// [`ExportError::Refused`] with ONNX Runtime's message, or [`ExportError::Process`] if it ended.
    pub fn run(
        &mut self,
        name: &str,
        model: &[u8],
        inputs: &[&[u8]],
    ) -> Result<Vec<Vec<u8>>, ExportError> {
        let answer = self.ask(model, inputs);
        let fail =
            |source| ExportError::Process { python: self.python.clone(), source: ended(source) };
        let answer = answer.map_err(fail);
        answer?.map_err(|message| ExportError::Refused { network: name.to_owned(), message })
    }

    fn ask(
        &mut self,
        model: &[u8],
        inputs: &[&[u8]],
    ) -> Result<Result<Vec<Vec<u8>>, String>, Error> {
        let Some(requests) = &mut self.requests else {
            return Err(Error::from(ErrorKind::BrokenPipe));
        };
        send_bytes(requests, model)?;
        requests.write_all(&(inputs.len() as u64).to_le_bytes())?;
        for input in inputs {
            send_bytes(requests, input)?;
        }
        requests.flush()?;
        if receive_number(&mut self.answers)? != 0 {
            let message = receive_bytes(&mut self.answers)?;
            return Ok(Err(String::from_utf8_lossy(&message).into_owned()));
        }
        let n_outputs = receive_number(&mut self.answers)?;
        (0..n_outputs).map(|_| receive_bytes(&mut self.answers)).collect::<Result<_, _>>().map(Ok)
    }
}

impl Drop for OnnxRuntime {
    fn drop(&mut self) {
        self.requests = None;
        // the end of its input ends the process; if waiting fails, nothing is left to be done
        let _ = self.process.wait();
    }
}

/// Says what it means that the answers end.
fn ended(error: Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => Error::new(error.kind(), "ended without an answer"),
        _ => error,
    }
}

fn send_bytes(to: &mut impl Write, bytes: &[u8]) -> Result<(), Error> {
    to.write_all(&(bytes.len() as u64).to_le_bytes())?;
    to.write_all(bytes)
}

fn receive_number(from: &mut impl Read) -> Result<u64, Error> {
    let mut bytes = [0; 8];
    from.read_exact(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes))
}

fn receive_bytes(from: &mut impl Read) -> Result<Vec<u8>, Error> {
    let length = receive_number(from)?;
    if length > MAX_BYTES {
        return Err(Error::new(ErrorKind::InvalidData, format!("an answer of {length} bytes")));
    }
    let mut bytes = Vec::new();
    from.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Err(Error::from(ErrorKind::UnexpectedEof));
    }
    Ok(bytes)
}
