//! An ONNX graph while it grows: operations, constants, names that stay unique.

use std::collections::BTreeSet;

use crate::proto::{Attribute, AttributeType, DataType, Node, TensorData};

/// Name of a value of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Value(pub String);

/// Operations and constants in the order they were added.
#[derive(Default)]
pub struct GraphBuilder {
    /// Operations.
    pub nodes: Vec<Node>,
    /// Constants.
    pub constants: Vec<TensorData>,
    names: BTreeSet<String>,
}

impl GraphBuilder {
    /// A value that nothing else is called, named as wished if that is free.
    pub fn fresh(&mut self, wished: &str) -> Value {
        let names = std::iter::once(wished.to_owned());
        let mut names = names.chain((2..).map(|n| format!("{wished}#{n}")));
        let free = names.find(|name| self.names.insert(name.clone()));
        Value(free.unwrap_or_default())
    }

    /// Adds an operation that writes a new value called `name`.
    pub fn node(
        &mut self,
        name: &str,
        operator: &str,
        inputs: &[&Value],
        attributes: &[Attribute],
    ) -> Value {
        let output = self.fresh(name);
        self.node_into(&output, operator, inputs, attributes);
        output
    }

    /// Adds an operation that writes `output`.
    pub fn node_into(
        &mut self,
        output: &Value,
        operator: &str,
        inputs: &[&Value],
        attributes: &[Attribute],
    ) {
        self.nodes.push(Node {
            input: inputs.iter().map(|value| value.0.clone()).collect(),
            output: vec![output.0.clone()],
            name: Some(output.0.clone()),
            op_type: Some(operator.to_owned()),
            attribute: attributes.to_vec(),
        });
    }

    /// Adds the conversion of `input` to `to`, as a new value called `name`.
    pub fn cast(&mut self, name: &str, input: &Value, to: DataType) -> Value {
        self.node(name, "Cast", &[input], &[int("to", to as i64)])
    }

    /// A constant of 64-bit signed numbers.
    pub fn int64s(&mut self, name: &str, dims: &[usize], values: &[i64]) -> Value {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, DataType::Int64, dims, bytes)
    }

    /// A constant 64-bit unsigned number.
    pub fn uint64(&mut self, name: &str, value: u64) -> Value {
        self.constant(name, DataType::Uint64, &[], value.to_le_bytes().to_vec())
    }

    /// A constant of bytes.
    pub fn uint8s(&mut self, name: &str, dims: &[usize], values: Vec<u8>) -> Value {
        self.constant(name, DataType::Uint8, dims, values)
    }

    fn constant(&mut self, name: &str, kind: DataType, dims: &[usize], bytes: Vec<u8>) -> Value {
        let value = self.fresh(name);
        self.constants.push(TensorData {
            dims: dims.iter().map(|n| *n as i64).collect(),
            data_type: Some(kind as i32),
            name: Some(value.0.clone()),
            raw_data: Some(bytes),
        });
        value
    }
}

/// A setting that is a number.
pub fn int(name: &str, value: i64) -> Attribute {
    let r#type = Some(AttributeType::Int as i32);
    Attribute { name: Some(name.into()), i: Some(value), r#type, ..Attribute::default() }
}

/// A setting that is a list of numbers.
pub fn ints(name: &str, values: &[i64]) -> Attribute {
    let r#type = Some(AttributeType::Ints as i32);
    Attribute { name: Some(name.into()), ints: values.to_vec(), r#type, ..Attribute::default() }
}

/// A setting that is a text.
pub fn text(name: &str, value: &str) -> Attribute {
    let (s, r#type) = (Some(value.into()), Some(AttributeType::String as i32));
    Attribute { name: Some(name.into()), s, r#type, ..Attribute::default() }
}
