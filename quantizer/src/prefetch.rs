//! Batches drawn and augmented by a thread of their own while the step before trains.

use std::ops::Range;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread::Scope;

use datasets::sampler::Batch;

/// Batches that wait to be used at most.
const WAITING: usize = 2;

/// Starts drawing the batches of `steps` in order; the thread ends when the receiver is dropped.
pub fn start<'scope, 'env>(
    scope: &'scope Scope<'scope, 'env>,
    steps: Range<usize>,
    batch: &'env (dyn Fn(usize) -> Batch + Sync),
) -> Receiver<Batch> {
    let (sender, receiver) = sync_channel(WAITING);
    scope.spawn(move || {
        for step in steps {
            // the training ended early and nobody waits any more
            if sender.send(batch(step)).is_err() {
                return;
            }
        }
    });
    receiver
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    fn batch(step: usize) -> Batch {
        Batch { n: step, channels: 0, height: 0, width: 0, images: vec![], masks: vec![] }
    }

    #[test]
    fn batches_come_in_order_and_only_a_few_are_drawn_ahead() {
        let drawn = AtomicUsize::new(0);
        let draw = |step| {
            drawn.fetch_add(1, Ordering::SeqCst);
            batch(step)
        };
        std::thread::scope(|scope| {
            let batches = start(scope, 3..100, &draw);
            for step in 3..20 {
                assert_eq!(batches.recv().map(|b| b.n), Ok(step));
                // those received, those that wait, one in the sender's hands
                assert!(drawn.load(Ordering::SeqCst) <= step - 2 + WAITING + 1);
            }
        });
        assert!(drawn.load(Ordering::SeqCst) < 30, "the thread ends with the receiver");
    }
}
