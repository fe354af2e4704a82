//! Quantize-dequantize and its gradients in one pass each.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;

use crate::fake_quant::Range;

/// Values that one task works on when a single step is shared.
const TASK: usize = 1 << 14;

/// `code(x / step)·step`; the values are split evenly among the steps.
pub fn forward(x: &[f32], steps: &[f32], range: Range) -> Vec<f32> {
    let mut output = vec![0.0; x.len()];
    let group = x.len() / steps.len();
    let task = group.min(TASK);
    for (g, &step) in steps.iter().enumerate() {
        let (output, x) = (&mut output[g * group..][..group], &x[g * group..][..group]);
        output.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(output, x)| {
            Arch::new().dispatch(Forward { output, x, step, range });
        });
    }
    output
}

/// Gradients of x and of the steps (Esser et al. 2020, eq. 3 and 5).
pub fn gradients(x: &[f32], steps: &[f32], gradient: &[f32], range: Range) -> (Vec<f32>, Vec<f32>) {
    let mut output = vec![0.0; x.len()];
    let group = x.len() / steps.len();
    let task = group.min(TASK);
    let mut of_steps = Vec::with_capacity(steps.len());
    for (g, &step) in steps.iter().enumerate() {
        let slices = (&x[g * group..][..group], &gradient[g * group..][..group]);
        let output = &mut output[g * group..][..group];
        let tasks = output.par_chunks_mut(task).zip(slices.0.par_chunks(task));
        let parts: Vec<f32> = tasks
            .zip(slices.1.par_chunks(task))
            .map(|((output, x), gradient)| {
                Arch::new().dispatch(Gradients { output, x, gradient, step, range })
            })
            .collect();
        of_steps.push(parts.iter().map(|&p| f64::from(p)).sum::<f64>() as f32);
    }
    (output, of_steps)
}

struct Forward<'a> {
    output: &'a mut [f32],
    x: &'a [f32],
    step: f32,
    range: Range,
}

impl WithSimd for Forward<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) {
        for (output, &x) in self.output.iter_mut().zip(self.x) {
            *output = self.range.code(x, self.step) * self.step;
        }
    }
}

struct Gradients<'a> {
    output: &'a mut [f32],
    x: &'a [f32],
    gradient: &'a [f32],
    step: f32,
    range: Range,
}

/// Partial sums, so that the compiler can use vectors.
const LANES: usize = 16;

impl WithSimd for Gradients<'_> {
    /// Gradient of the step.
    type Output = f32;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _simd: S) -> f32 {
        let Self { output, x, gradient, step, range } = self;
        let (outputs, output_rest) = output.as_chunks_mut::<LANES>();
        let ((xs, x_rest), (gs, g_rest)) = (x.as_chunks::<LANES>(), gradient.as_chunks::<LANES>());
        let mut lanes = [0.0f32; LANES];
        for ((output, x), g) in outputs.iter_mut().zip(xs).zip(gs) {
            for i in 0..LANES {
                let (dx, ds) = slopes(x[i], step, range);
                output[i] = dx * g[i];
                lanes[i] += ds * g[i];
            }
        }
        let mut sum = 0.0;
        for lane in lanes {
            sum += lane;
        }
        for ((output, &x), &g) in output_rest.iter_mut().zip(x_rest).zip(g_rest) {
            let (dx, ds) = slopes(x, step, range);
            *output = dx * g;
            sum += ds * g;
        }
        sum
    }
}

/// dy/dx and dy/ds.
#[inline(always)]
fn slopes(x: f32, step: f32, range: Range) -> (f32, f32) {
    let code = range.code(x, step);
    let v = x / step;
    let within = v >= -(range.negative as f32) && v <= range.positive as f32;
    if range.binary {
        (1.0, code)
    } else if within {
        (1.0, code - v)
    } else {
        (0.0, code)
    }
}
