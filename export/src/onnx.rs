//! A network as the bytes of an ONNX file.

use network::{Network, TensorId};
use prost::Message;

use crate::error::ExportError;
use crate::operations::Scene;
use crate::proto::{
    Dimension, Extent, Graph, Model, OperatorSet, Shape, StringEntry, TensorType, Type, ValueInfo,
};
use crate::requantize::data_type;

/// Operators are those of this version: new enough that each takes the integer types used here, old
/// enough for runtimes in use (ONNX 1.11, 2022).
const OPERATOR_SET: i64 = 16;
/// Version of the file format, as ONNX 1.11 writes it.
const IR_VERSION: i64 = 8;
/// Name of the number of images, which the caller chooses.
const BATCH: &str = "N";

/// Which tensors are outputs of the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outputs {
    /// The network's output.
    Network,
    /// The output of every layer, in the order they run.
    Layers,
}

impl Outputs {
    /// The tensors, in the order of the file's outputs.
    pub fn tensors(self, network: &Network) -> Vec<TensorId> {
        match self {
            Outputs::Network => vec![network.output],
            Outputs::Layers => network.layers.iter().map(|layer| layer.output()).collect(),
        }
    }
}

/// The bytes of an ONNX file with standard integer operators only.
///
/// Values of the file are called as the tensors of the network. A signed tensor is `int8`, an
/// unsigned one `uint8`; the metadata of the network are the property `qunet.metadata`.
///
/// # Shapes
/// Input and outputs `[N, C, H, W]` for any number N of images.
///
/// # Errors
/// If the network does not validate.
pub fn onnx_integer(network: &Network, outputs: Outputs) -> Result<Vec<u8>, ExportError> {
    let fail = |source| ExportError::Network { network: network.name.clone(), source };
    network.validate().map_err(fail)?;
    let mut scene = Scene::new(network);
    for layer in &network.layers {
        scene.add(layer);
    }
    let info = |id: TensorId| value_info(network, id, &scene.values[id.index()].0);
    let graph = Graph {
        input: vec![info(network.input)],
        output: outputs.tensors(network).into_iter().map(info).collect(),
        value_info: Vec::new(),
        node: scene.graph.nodes,
        name: Some(network.name.clone()),
        initializer: scene.graph.constants,
    };
    let entry = |key: &str, value: &str| StringEntry {
        key: Some(key.to_owned()),
        value: Some(value.to_owned()),
    };
    let model = Model {
        ir_version: Some(IR_VERSION),
        producer_name: Some("qunet".to_owned()),
        producer_version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        doc_string: Some(
            "Quantized U-Net in integer operators. The input holds codes: real value divided by \
             input_step of qunet.metadata, rounded, clamped."
                .to_owned(),
        ),
        graph: Some(graph),
        opset_import: vec![OperatorSet {
            domain: Some(String::new()),
            version: Some(OPERATOR_SET),
        }],
        metadata_props: vec![entry("qunet.metadata", &network.metadata)],
    };
    Ok(model.encode_to_vec())
}

fn value_info(network: &Network, id: TensorId, name: &str) -> ValueInfo {
    let spec = network.spec(id);
    let known = [spec.channels, spec.height, spec.width].map(|n| Extent::Value(n as i64));
    let extents = std::iter::once(Extent::Parameter(BATCH.to_owned())).chain(known);
    let dim = extents.map(|extent| Dimension { value: Some(extent) }).collect();
    let elem_type = Some(data_type(spec) as i32);
    let sign = if spec.signed { "signed" } else { "unsigned" };
    ValueInfo {
        name: Some(name.to_owned()),
        r#type: Some(Type {
            tensor_type: Some(TensorType { elem_type, shape: Some(Shape { dim }) }),
        }),
        doc_string: Some(format!("{} bits, {sign}", spec.bits)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use qunet_tests::cases;

    use super::*;
    use crate::proto::DataType;

    #[test]
    fn only_integer_operators_and_types() {
        let legal = [
            "Add",
            "ArgMax",
            "BitShift",
            "Cast",
            "Clip",
            "Concat",
            "ConvInteger",
            "Expand",
            "GreaterOrEqual",
            "MaxPool",
            "Mul",
            "Reshape",
            "Sub",
            "Transpose",
        ];
        let mut seen = BTreeSet::new();
        for case in cases::all() {
            let bytes = onnx_integer(&case.network, Outputs::Layers).expect("valid");
            let graph = Model::decode(bytes.as_slice()).expect("decodes").graph.expect("a graph");
            for node in &graph.node {
                seen.extend(node.op_type.clone());
                let to = node.attribute.iter().filter(|a| a.name.as_deref() == Some("to"));
                for kind in to.filter_map(|a| a.i) {
                    let kind = DataType::try_from(kind as i32).expect("an integer type");
                    assert_ne!(kind, DataType::Undefined, "{}", case.name);
                }
            }
            for constant in &graph.initializer {
                let kind = DataType::try_from(constant.data_type.unwrap_or(0));
                assert!(kind.is_ok_and(|k| k != DataType::Undefined), "{}", case.name);
            }
        }
        assert_eq!(seen, legal.map(String::from).into());
    }

    #[test]
    fn tensors_of_one_name_stay_apart() {
        let mut network = cases::small_unets().remove(0).network;
        network.tensors.iter_mut().for_each(|tensor| tensor.name = "t".into());
        let bytes = onnx_integer(&network, Outputs::Layers).expect("valid");
        let graph = Model::decode(bytes.as_slice()).expect("decodes").graph.expect("a graph");
        let names: Vec<&String> = graph.node.iter().flat_map(|node| &node.output).collect();
        let unique: BTreeSet<&&String> = names.iter().collect();
        assert_eq!(unique.len(), names.len());
    }
}
