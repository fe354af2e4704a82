//! Folds max-pools into the convolutions whose output they read: both maps are written in one pass.

use super::operation::{Operation, OperationKind};

/// Operations in, operations out; a max-pool of anything but a plain convolution stays.
pub fn fuse(operations: Vec<Operation>) -> Vec<Operation> {
    let mut fused: Vec<Operation> = Vec::new();
    for operation in operations {
        let is_pool = operation.kind == OperationKind::MaxPool2d;
        let source = operation.sources[0].tensor;
        let writer = fused.iter_mut().find(|op| op.output == source && can_pool(op));
        match writer.filter(|_| is_pool) {
            Some(conv) => conv.pooled = Some(operation.output),
            None => fused.push(operation),
        }
    }
    fused
}

fn can_pool(operation: &Operation) -> bool {
    operation.kind == OperationKind::Conv2d && operation.pooled.is_none()
}
