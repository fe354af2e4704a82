//! Quantize-dequantize and its gradients in one pass each.

use pulp::Arch;
use rayon::prelude::*;

use crate::fake_quant::Range;

/// Values that one task works on when a single step is shared.
const TASK: usize = 1 << 14;

/// `code(x / step)·step`; the values are split evenly among the steps.
pub fn forward(x: &[f32], steps: &[f32], range: Range) -> Vec<f32> {
    let mut output = vec![0.0; x.len()];
    let group = x.len() / steps.len();
    let task = group.min(TASK);
    for (g, step) in steps.iter().enumerate() {
        let (output, x) = (&mut output[g * group..][..group], &x[g * group..][..group]);
        output.par_chunks_mut(task).zip(x.par_chunks(task)).for_each(|(output, x)| {
            Arch::new().dispatch(|| {
                output.iter_mut().zip(x).for_each(|(o, &x)| *o = range.code(x, *step) * step)
            });
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
                Arch::new().dispatch(|| gradients_of_task(output, x, gradient, step, range))
            })
            .collect();
        of_steps.push(parts.iter().map(|&p| f64::from(p)).sum::<f64>() as f32);
    }
    (output, of_steps)
}

#[inline(always)]
fn gradients_of_task(
    output: &mut [f32],
    x: &[f32],
    gradient: &[f32],
    step: f32,
    range: Range,
) -> f32 {
    const LANES: usize = 16;
    let (low, high) = (-(range.negative as f32), range.positive as f32);
    let one = |x: f32, g: f32| {
        let code = range.code(x, step);
        if range.binary {
            return (g, g * code);
        }
        let v = x / step;
        let within = v >= low && v <= high;
        (if within { g } else { 0.0 }, g * (code - if within { v } else { 0.0 }))
    };
    let mut lanes = [0.0f32; LANES];
    let (outputs, output_rest) = output.as_chunks_mut::<LANES>();
    let ((xs, x_rest), (gs, g_rest)) = (x.as_chunks::<LANES>(), gradient.as_chunks::<LANES>());
    for ((output, x), g) in outputs.iter_mut().zip(xs).zip(gs) {
        for i in 0..LANES {
            let (dx, ds) = one(x[i], g[i]);
            output[i] = dx;
            lanes[i] += ds;
        }
    }
    let mut sum: f32 = lanes.iter().sum();
    for ((output, &x), &g) in output_rest.iter_mut().zip(x_rest).zip(g_rest) {
        let (dx, ds) = one(x, g);
        *output = dx;
        sum += ds;
    }
    sum
}
