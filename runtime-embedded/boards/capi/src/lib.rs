//! The C interface: models, arenas and inference behind plain functions (`include/qunet.h`).
//!
//! Data enters as bytes of a `.qunet` file and of an input, and leaves as bytes of the output;
//! nothing is allocated, no function panics, and every misuse that can be seen has a code.
#![no_std]
#![deny(clippy::float_arithmetic)]
#![allow(unsafe_code)]

use core::ffi::c_char;
use core::mem::{MaybeUninit, align_of, size_of};
use core::slice;

use runtime_embedded::{Model, RunError, Session};

/// Words of `qunet_model` in the header.
const MODEL_WORDS: usize = 64;
/// Written into a model that was loaded.
const LOADED: usize = 0x51_4e45_54;

/// `qunet_model`: room for a checked model, to be filled by [`qunet_load`].
#[repr(C)]
pub struct QunetModel {
    loaded: usize,
    place: MaybeUninit<[usize; MODEL_WORDS - 1]>,
}

const _: () = assert!(size_of::<Model>() <= size_of::<[usize; MODEL_WORDS - 1]>());
const _: () = assert!(align_of::<Model>() <= align_of::<usize>());
const _: () = assert!(size_of::<QunetModel>() == MODEL_WORDS * size_of::<usize>());

/// All is well.
const OK: i32 = 0;
/// A pointer is null, or the model was not loaded.
const ERROR_ARGUMENT: i32 = -1;
/// The bytes are not a valid model.
const ERROR_MODEL: i32 = -2;
/// The arena is smaller than [`qunet_arena_bytes`].
const ERROR_ARENA: i32 = -3;
/// The input has a wrong length, or a value outside its format.
const ERROR_INPUT: i32 = -4;
/// The output has a wrong length.
const ERROR_OUTPUT: i32 = -5;

/// Checks a model once; its bytes must stay where they are as long as `model` is used.
///
/// # Safety
/// `bytes` points to `length` bytes that do not change, `model` to a `qunet_model`, or they are
/// null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qunet_load(
    model: *mut QunetModel,
    bytes: *const u8,
    length: usize,
) -> i32 {
    // SAFETY: the caller's promise.
    let (Some(place), false) = (unsafe { model.as_mut() }, bytes.is_null()) else {
        return ERROR_ARGUMENT;
    };
    place.loaded = 0;
    // SAFETY: the caller's promise, and `bytes` is not null.
    let bytes: &'static [u8] = unsafe { slice::from_raw_parts(bytes, length) };
    let Ok(checked) = Model::from_bytes(bytes) else { return ERROR_MODEL };
    // SAFETY: the assertions above: the place has the size and alignment of a model.
    unsafe { place.place.as_mut_ptr().cast::<Model<'static>>().write(checked) };
    place.loaded = LOADED;
    OK
}

/// The model behind a pointer, if one was loaded there.
///
/// # Safety
/// `model` points to a `qunet_model` that is zero or was given to [`qunet_load`], or is null.
unsafe fn loaded(model: *const QunetModel) -> Option<Model<'static>> {
    // SAFETY: the caller's promise.
    let place = unsafe { model.as_ref() }.filter(|place| place.loaded == LOADED)?;
    // SAFETY: `qunet_load` has written a model there.
    Some(unsafe { place.place.as_ptr().cast::<Model<'static>>().read() })
}

/// Bytes of arena that the model needs; 0 if none was loaded.
///
/// # Safety
/// As [`qunet_infer`] for `model`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qunet_arena_bytes(model: *const QunetModel) -> usize {
    // SAFETY: the caller's promise.
    unsafe { loaded(model) }.map_or(0, |model| model.arena_bytes())
}

/// Bytes of the input tensor; 0 if no model was loaded.
///
/// # Safety
/// As [`qunet_infer`] for `model`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qunet_input_bytes(model: *const QunetModel) -> usize {
    // SAFETY: the caller's promise.
    unsafe { loaded(model) }.map_or(0, |model| model.input_spec().len())
}

/// Bytes of the output tensor; 0 if no model was loaded.
///
/// # Safety
/// As [`qunet_infer`] for `model`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qunet_output_bytes(model: *const QunetModel) -> usize {
    // SAFETY: the caller's promise.
    unsafe { loaded(model) }.map_or(0, |model| model.output_spec().len())
}

/// Three pieces of memory and their lengths.
#[repr(C)]
pub struct QunetBuffers {
    arena: *mut u8,
    arena_length: usize,
    input: *const u8,
    input_length: usize,
    output: *mut u8,
    output_length: usize,
}

/// Runs the network on one input.
///
/// # Safety
/// `model` points to a `qunet_model` that is zero or was given to [`qunet_load`]; the three pieces
/// of `buffers` are as long as it says and do not overlap; any pointer may be null.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn qunet_infer(
    model: *const QunetModel,
    buffers: *const QunetBuffers,
) -> i32 {
    // SAFETY: the caller's promise.
    let (Some(model), Some(buffers)) = (unsafe { (loaded(model), buffers.as_ref()) }) else {
        return ERROR_ARGUMENT;
    };
    if buffers.arena.is_null() || buffers.input.is_null() || buffers.output.is_null() {
        return ERROR_ARGUMENT;
    }
    // SAFETY: the caller's promise, and none is null.
    let (arena, input, output) = unsafe {
        (
            slice::from_raw_parts_mut(buffers.arena, buffers.arena_length),
            slice::from_raw_parts(buffers.input, buffers.input_length),
            slice::from_raw_parts_mut(buffers.output, buffers.output_length),
        )
    };
    let session = Session::new(model, arena);
    match session.and_then(|mut session| session.infer(input, output)) {
        Ok(()) => OK,
        Err(RunError::Arena { .. }) => ERROR_ARENA,
        Err(RunError::Input(_)) => ERROR_INPUT,
        Err(RunError::Output { .. }) => ERROR_OUTPUT,
    }
}

/// What a code means, for people.
#[unsafe(no_mangle)]
pub extern "C" fn qunet_error(code: i32) -> *const c_char {
    let text = match code {
        OK => c"no error",
        ERROR_ARGUMENT => c"a pointer is null, or no model was loaded",
        ERROR_MODEL => c"the bytes are not a valid model",
        ERROR_ARENA => c"the arena is too small",
        ERROR_INPUT => c"the input has a wrong length, or a value outside its format",
        ERROR_OUTPUT => c"the output has a wrong length",
        _ => c"an unknown code",
    };
    text.as_ptr()
}

// a C program has nowhere to unwind to, and nothing here panics
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo) -> ! {
    loop {}
}
