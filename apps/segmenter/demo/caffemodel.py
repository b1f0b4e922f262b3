"""Writes and reads the few protobuf fields of a .caffemodel that matter here.

NetParameter { name = 1, layer = 100 }, LayerParameter { name = 1, type = 2, bottom = 3, top = 4, blobs = 7 },
BlobProto { data = 5 packed float, shape = 7 { dim = 1 packed int64 } }.
"""
import numpy as np


def _varint(value):
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _bytes(field, payload):
    """A length-delimited field."""
    payload = payload.encode() if isinstance(payload, str) else bytes(payload)
    return _varint(field << 3 | 2) + _varint(len(payload)) + payload


def _blob(array):
    dims = b"".join(_varint(d) for d in array.shape)
    return _bytes(5, np.ascontiguousarray(array, "<f4").tobytes()) + _bytes(7, _bytes(1, dims))


def write(path, name, layers):
    """`layers` are (name, type, bottoms, top, blobs)."""
    net = _bytes(1, name)
    for layer, kind, bottoms, top, blobs in layers:
        body = _bytes(1, layer) + _bytes(2, kind) + b"".join(_bytes(3, b) for b in bottoms) + _bytes(4, top)
        net += _bytes(100, body + b"".join(_bytes(7, _blob(b)) for b in blobs))
    path.write_bytes(net)


def _fields(data):
    """Yields (field, payload) of a message; every field read here is length-delimited."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        assert key & 7 == 2, "not length-delimited"
        size = varint()
        yield key >> 3, data[at:at + size]
        at += size


def read(path):
    """Layer name -> list of float32 arrays."""
    out = {}
    for field, layer in _fields(path.read_bytes()):
        if field != 100:
            continue
        name, blobs = None, []
        for f, payload in _fields(layer):
            if f == 1:
                name = payload.decode()
            elif f == 7:
                parts = dict(_fields(payload))
                packed, dims = dict(_fields(parts[7]))[1], []
                value = shift = 0
                for byte in packed:
                    value |= (byte & 0x7F) << shift
                    shift += 7
                    if byte < 0x80:
                        dims.append(value)
                        value = shift = 0
                blobs.append(np.frombuffer(parts[5], "<f4").reshape(dims))
        if blobs:
            out[name] = blobs
    return out
