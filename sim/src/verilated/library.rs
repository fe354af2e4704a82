//! The shared object behind its C interface. The only unsafe code of the crate.
#![allow(unsafe_code)]

use std::ffi::c_void;
use std::path::Path;

use libloading::Library;

use super::error::VerilatedError;

type New = unsafe extern "C" fn() -> *mut c_void;
type Delete = unsafe extern "C" fn(*mut c_void);
type Cycles = unsafe extern "C" fn(*mut c_void, u64);
type Irq = unsafe extern "C" fn(*mut c_void) -> u32;
type Access = unsafe extern "C" fn(*mut c_void, u32, u32, *mut u32, u32) -> u32;
type Wait = unsafe extern "C" fn(*mut c_void, u32, u32, u64) -> u64;

/// One instance of a compiled design, out of reset.
pub struct Design {
    handle: *mut c_void,
    delete: Delete,
    cycles: Cycles,
    irq: Irq,
    access: Access,
    wait: Wait,
    // dropped last: the functions above live in it
    _library: Library,
}

// SAFETY: the handle is owned, an instance shares no state with others (each has its own
// VerilatedContext), and all use goes through `&mut self` or `&self` without interior writes.
unsafe impl Send for Design {}

impl Design {
    /// Loads a shared object built from `shim.cpp` and makes one instance.
    pub fn load(path: &Path) -> Result<Design, VerilatedError> {
        let error = |source| VerilatedError::Load { path: path.into(), source };
        // SAFETY: the file was just built from our own shim; its initialisers are Verilator's.
        let library = unsafe { Library::new(path) }.map_err(error)?;
        // SAFETY: the symbols have exactly these types in shim.cpp.
        unsafe {
            let new = *library.get::<New>(b"qunet_new\0").map_err(error)?;
            Ok(Design {
                delete: *library.get::<Delete>(b"qunet_delete\0").map_err(error)?,
                cycles: *library.get::<Cycles>(b"qunet_cycles\0").map_err(error)?,
                irq: *library.get::<Irq>(b"qunet_irq\0").map_err(error)?,
                access: *library.get::<Access>(b"qunet_access\0").map_err(error)?,
                wait: *library.get::<Wait>(b"qunet_wait\0").map_err(error)?,
                handle: new(),
                _library: library,
            })
        }
    }

    /// Advances the clock with the bus idle.
    pub fn cycles(&mut self, cycles: u64) {
        // SAFETY: the handle is live until drop.
        unsafe { (self.cycles)(self.handle, cycles) }
    }

    /// The interrupt line.
    pub fn irq(&self) -> bool {
        // SAFETY: as above; reads one signal.
        unsafe { (self.irq)(self.handle) != 0 }
    }

    /// One write; false if the bus did not answer within `limit` cycles.
    pub fn write(&mut self, address: u32, value: u32, limit: u32) -> bool {
        let mut data = value;
        // SAFETY: `data` outlives the call.
        unsafe { (self.access)(self.handle, 1, address, &mut data, limit) != 0 }
    }

    /// One read.
    pub fn read(&mut self, address: u32, limit: u32) -> Option<u32> {
        let mut data = 0;
        // SAFETY: `data` outlives the call.
        let taken = unsafe { (self.access)(self.handle, 0, address, &mut data, limit) };
        (taken != 0).then_some(data)
    }

    /// Polls a register until the bits of `mask` are zero; the cycles that took.
    pub fn wait(&mut self, address: u32, mask: u32, limit: u64) -> Option<u64> {
        // SAFETY: as above.
        let cycles = unsafe { (self.wait)(self.handle, address, mask, limit) };
        (cycles != 0).then_some(cycles)
    }
}

impl Drop for Design {
    fn drop(&mut self) {
        // SAFETY: the handle came from `qunet_new` and is not used again.
        unsafe { (self.delete)(self.handle) }
    }
}
