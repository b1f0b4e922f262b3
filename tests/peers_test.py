#!/usr/bin/env python3
"""Tests the parts of bench/peers.py that need no peer: processes, ratios, tables, images."""
import importlib.util
import json
import pathlib
import struct
import sys
import tempfile
import types
import unittest
import zlib

BENCH = pathlib.Path(__file__).resolve().parent.parent / "bench"
spec = importlib.util.spec_from_file_location("peers", BENCH / "peers.py")
peers = importlib.util.module_from_spec(spec)
spec.loader.exec_module(peers)


class Fake(peers.Peer):
    """A peer whose process prints what it is told."""

    def __init__(self, name, reply, precisions=("fp32",)):
        super().__init__(name, "json", precisions)
        self.reply = reply

    def command(self, model, precision, options):
        return [sys.executable, "-c", f"print('noise'); print({json.dumps(json.dumps(self.reply))})"]


class Broken(Fake):
    def command(self, model, precision, options):
        return [sys.executable, "-c", "import sys; sys.exit('no such layer')"]


def much_memory():
    return len(b"x" * (256 << 20))


def row(network, precision, program, ms):
    return {"network": network, "precision": precision, "program": program, "median_ms": ms, "peak_mib": 10}


class PeersTest(unittest.TestCase):
    def test_ratios_are_per_pair_and_int8_is_compared_with_its_own_fp32(self):
        rows = peers.with_ratios([row("a", "fp32", peers.TESSERA, 10), row("a", "fp32", "onnxruntime", 8), row("a", "fp32", "openvino", 20),
                                  row("a", "int8", peers.TESSERA, 6), row("b", "fp32", peers.TESSERA, 1)])
        self.assertEqual(rows[0]["ratio"], {"onnxruntime": 1.25, "openvino": 0.5})
        self.assertEqual(rows[0]["ratio_to_best"], 1.25)
        self.assertEqual(rows[3]["ratio_to_own_fp32"], 0.6)
        self.assertNotIn("ratio_to_best", rows[4])
        self.assertNotIn("ratio", rows[1])
        lines = peers.table(rows).splitlines()
        self.assertEqual(len(lines), 2 + len(rows))
        self.assertIn("| a | fp32 | openvino | 20.00 | 0.50 | - |", lines[4])
        self.assertIn("0.60 of its FP32", lines[5])

    def test_the_best_median_counts_and_the_first_first_result(self):
        rounds = [{"median_ms": 3, "first_s": 2.0, "peak_mib": 5}, {"median_ms": 2, "first_s": 1.0, "peak_mib": 7}]
        self.assertEqual(peers.combined(rounds), {"median_ms": 2, "medians_ms": [3, 2], "peak_mib": 7, "first_s": 2.0})

    def test_untuned_is_compared_with_tuned(self):
        rounds = [{"median_ms": 4, "untuned_ms": 6, "peak_mib": 5}, {"median_ms": 5, "untuned_ms": 5, "peak_mib": 5}]
        rows = peers.with_ratios([dict(peers.combined(rounds), network="a", precision="fp32", program=peers.TESSERA)])
        self.assertEqual(rows[0]["untuned_to_tuned"], 1.25)
        self.assertIn("| 4.00 | - | 1.25 |", peers.table(rows))

    def test_what_is_made_for_a_peer_is_not_counted_as_its_memory(self):
        before = peers.finished([sys.executable, "-c", "pass"])[2]
        self.assertEqual(peers.apart(much_memory), 256 << 20)
        self.assertLess(peers.finished([sys.executable, "-c", "pass"])[2], before + 64)

    def test_rows_come_from_processes_and_one_that_fails_is_left_out(self):
        options = types.SimpleNamespace(rounds=2)
        programs = [Fake("good", {"median_ms": 4, "first_s": 0.5}), Broken("bad", {}), Fake("other", {"median_ms": 1}, ("int8",))]
        rows = peers.measure_network(pathlib.Path("net.onnx"), "fp32", programs, options)
        self.assertEqual([r["program"] for r in rows], ["good"])
        self.assertEqual(rows[0]["medians_ms"], [4, 4])
        self.assertGreater(rows[0]["peak_mib"], 1)

    def test_a_process_that_fails_says_what_it_printed(self):
        with self.assertRaisesRegex(RuntimeError, "no such layer"):
            peers.finished([sys.executable, "-c", "import sys; sys.exit('no such layer')"])

    def test_the_first_result_includes_loading(self):
        calls = []
        found = peers.measured(lambda: calls.append("load") or (lambda: calls.append("run")), 3)
        self.assertEqual(calls, ["load"] + ["run"] * 5)
        self.assertGreaterEqual(found["first_s"] * 1000, found["median_ms"])

    def test_missing_modules_are_named(self):
        peer = peers.Peer("x", "json", ("fp32",), ("surely_no_such_module",))
        self.assertIn("surely_no_such_module", peer.missing())

    def test_images_of_noise_are_png(self):
        rows = [bytes([i] * 6) for i in range(3)]
        data = peers.png(2, 3, rows)
        self.assertEqual(data[:8], b"\x89PNG\r\n\x1a\n")
        length, kind = struct.unpack(">I4s", data[8:16])
        self.assertEqual((length, kind), (13, b"IHDR"))
        at = 8 + 12 + 13
        size = struct.unpack(">I", data[at:at + 4])[0]
        self.assertEqual(zlib.decompress(data[at + 8:at + 8 + size]), b"".join(b"\0" + r for r in rows))

    def test_options_of_the_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            options = peers.parser().parse_args(["m.onnx", "--peers", "", "--precisions", "fp32", "--work", folder])
        self.assertEqual([p.name for p in peers.programs_of(options)], [peers.TESSERA])


if __name__ == "__main__":
    unittest.main()
