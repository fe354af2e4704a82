//! The shared object of a system behind its C interface.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::path::Path;

use libloading::Library;

use crate::verilated::error::VerilatedError;

type New = unsafe extern "C" fn() -> *mut c_void;
type Delete = unsafe extern "C" fn(*mut c_void);
type Push = unsafe extern "C" fn(*mut c_void, *const u32, u64);
type Rest = unsafe extern "C" fn(*mut c_void, u32);
type Run = unsafe extern "C" fn(*mut c_void, u64, *mut u64) -> u32;
type ExitCode = unsafe extern "C" fn(*mut c_void) -> u32;
type Output = unsafe extern "C" fn(*mut c_void, *mut u32, u64) -> u64;
type Console = unsafe extern "C" fn(*mut c_void, *mut u8, u64) -> u64;

/// Why a run returned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// As many cycles have passed as it was given.
    Limit,
    /// The program waits for words.
    Waits,
    /// The program has ended with this code.
    Exit(u32),
    /// The processor met something that it does not execute.
    Trap,
}

/// One instance of a compiled system, out of reset.
pub struct System {
    handle: *mut c_void,
    delete: Delete,
    push: Push,
    rest: Rest,
    run: Run,
    exit_code: ExitCode,
    output: Output,
    console: Console,
    // dropped last: the functions above live in it
    _library: Library,
}

// SAFETY: the handle is owned, an instance shares no state with others (each has its own
// VerilatedContext), and all use goes through `&mut self`.
unsafe impl Send for System {}

impl System {
    /// Loads a shared object built from `shim.cpp` and makes one instance.
    pub fn load(path: &Path) -> Result<System, VerilatedError> {
        let error = |source| VerilatedError::Load { path: path.into(), source };
        // SAFETY: the file was just built from our own shim; its initialisers are Verilator's.
        let library = unsafe { Library::new(path) }.map_err(error)?;
        // SAFETY: the symbols have exactly these types in shim.cpp.
        unsafe {
            let new = *library.get::<New>(b"soc_new\0").map_err(error)?;
            Ok(System {
                delete: *library.get::<Delete>(b"soc_delete\0").map_err(error)?,
                push: *library.get::<Push>(b"soc_push\0").map_err(error)?,
                rest: *library.get::<Rest>(b"soc_rest\0").map_err(error)?,
                run: *library.get::<Run>(b"soc_run\0").map_err(error)?,
                exit_code: *library.get::<ExitCode>(b"soc_exit_code\0").map_err(error)?,
                output: *library.get::<Output>(b"soc_output\0").map_err(error)?,
                console: *library.get::<Console>(b"soc_console\0").map_err(error)?,
                handle: new(),
                _library: library,
            })
        }
    }

    /// Words for the program, behind those that it has not read yet.
    pub fn push(&mut self, words: &[u32]) {
        // SAFETY: the handle is live until drop, and the words are read before the call returns.
        unsafe { (self.push)(self.handle, words.as_ptr(), words.len() as u64) }
    }

    /// Says whether the accelerator rests, no frame running and none being started: its clock then
    /// stands still between accesses.
    pub fn rest(&mut self, rests: bool) {
        // SAFETY: the handle is live until drop.
        unsafe { (self.rest)(self.handle, rests.into()) }
    }

    /// Runs at most `limit` cycles; why it stopped and the cycles that passed.
    pub fn run(&mut self, limit: u64) -> (Stop, u64) {
        let mut cycles = 0;
        // SAFETY: `cycles` outlives the call.
        let stop = unsafe { (self.run)(self.handle, limit, &mut cycles) };
        let stop = match stop {
            0 => Stop::Limit,
            1 => Stop::Waits,
            // SAFETY: reads one signal.
            2 => Stop::Exit(unsafe { (self.exit_code)(self.handle) }),
            _ => Stop::Trap,
        };
        (stop, cycles)
    }

    /// Takes the words that the program has put out.
    pub fn output(&mut self, to: &mut Vec<u32>) {
        let mut words = [0; 4096];
        loop {
            // SAFETY: at most as many words are written as the array holds.
            let n = unsafe { (self.output)(self.handle, words.as_mut_ptr(), words.len() as u64) };
            let Some(taken) = words.get(..n as usize).filter(|taken| !taken.is_empty()) else {
                return;
            };
            to.extend_from_slice(taken);
        }
    }

    /// Takes the characters that the program has printed.
    pub fn console(&mut self, to: &mut Vec<u8>) {
        let mut bytes = [0; 4096];
        loop {
            // SAFETY: as in `output`.
            let n = unsafe { (self.console)(self.handle, bytes.as_mut_ptr(), bytes.len() as u64) };
            let Some(taken) = bytes.get(..n as usize).filter(|taken| !taken.is_empty()) else {
                return;
            };
            to.extend_from_slice(taken);
        }
    }
}

impl Drop for System {
    fn drop(&mut self) {
        // SAFETY: the handle came from `soc_new` and is not used again.
        unsafe { (self.delete)(self.handle) }
    }
}
