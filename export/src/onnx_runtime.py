"""Runs ONNX models that arrive on standard input; every output goes to standard output.

Request: model, number of inputs, inputs (each one image's bytes in CHW order). Answer: status
(0 or 1), then for 0 the number of outputs and each output's bytes in NCHW order, for 1 a message.
Numbers are 64 bits, little-endian; bytes follow their length. The end of input ends the program.
"""
import struct
import sys

import numpy
import onnxruntime


def receive_number():
    data = sys.stdin.buffer.read(8)
    if len(data) < 8:
        sys.exit(0)
    return struct.unpack("<Q", data)[0]


def receive_bytes():
    return sys.stdin.buffer.read(receive_number())


def send_number(number):
    sys.stdout.buffer.write(struct.pack("<Q", number))


def send_bytes(data):
    send_number(len(data))
    sys.stdout.buffer.write(data)


def run(model, images):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    (entry,) = session.get_inputs()
    kind = {"tensor(int8)": numpy.int8, "tensor(uint8)": numpy.uint8}[entry.type]
    images = [numpy.frombuffer(image, kind).reshape(entry.shape[1:]) for image in images]
    outputs = session.run(None, {entry.name: numpy.stack(images)})
    for value, declared in zip(outputs, session.get_outputs()):
        if value.dtype.itemsize != 1 or list(value.shape) != [len(images), *declared.shape[1:]]:
            raise ValueError(f"{declared.name}: found {value.dtype} {value.shape}")
    return [value.tobytes() for value in outputs]


def main():
    onnxruntime.set_default_logger_severity(3)
    send_bytes(onnxruntime.__version__.encode())
    sys.stdout.buffer.flush()
    while True:
        model = receive_bytes()
        images = [receive_bytes() for _ in range(receive_number())]
        try:
            outputs = run(model, images)
        except Exception as error:
            send_number(1)
            send_bytes(str(error).encode())
        else:
            send_number(0)
            send_number(len(outputs))
            for output in outputs:
                send_bytes(output)
        sys.stdout.buffer.flush()


main()
