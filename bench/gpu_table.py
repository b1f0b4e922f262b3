#!/usr/bin/env python3
"""Puts together what bench/gpu.sh measured: prints the table, writes FOLDER/gpu.json.

    python3 bench/gpu_table.py FOLDER
"""
import json
import pathlib
import sys

PEERS = ("eager fp32", "TF32 + graph", "fp16 NHWC + graph")
# The ceiling that counts for a precision, by the names that tessera-tune --roofline gives.
CEILINGS = {"fp32": "fp32 fma", "fp16": "mma f16", "int8": "mma s8"}


def read(path):
    return json.loads(path.read_text()) if path.exists() else {}


def ceilings(roofline):
    """10^9 operations a second by name of the ceiling, for those that were measured."""
    return {row["name"]: row["value"] for row in roofline.get("roofline", []) if row["unit"] in ("GFLOP/s", "GOP/s") and row["value"]}


def main():
    folder = pathlib.Path(sys.argv[1])
    peers = read(folder / "pytorch.json")
    peer_times = {(n["name"], n["batch"]): n["ms"] for n in peers.get("networks", [])}
    rows, device, limits = {}, "", {}
    for path in sorted(folder.glob("tessera-*.json")):
        found = read(path)
        device = found["device"]
        limits = ceilings(found)
        for network in found["networks"]:
            precision = network["variant"].split(":")[0]
            rows.setdefault((network["name"], network["batch"]), {})[precision] = network
    print(f"{device}: medians in ms; of the ceiling of fp32 fma, mma f16 and mma s8")
    print("| network | fp32 | fp16 | int8 | " + " | ".join("PyTorch " + p for p in PEERS) + " | best peer / fp16 |")
    print("| --- |" + " --- |" * (4 + len(PEERS)))
    for (name, batch), by_precision in rows.items():
        cells = [f"{name} b{batch}"]
        for precision, ceiling in CEILINGS.items():
            network = by_precision.get(precision)
            if not network:
                cells.append("-")
                continue
            share = f" ({network['gflops'] / limits[ceiling] * 100:.0f} %)" if ceiling in limits else ""
            cells.append(f"{network['latency_ms']['median']:.3f}{share}")
        times = peer_times.get((name, batch), {})
        cells += [f"{times[p]:.3f}" if p in times else "-" for p in PEERS]
        half = by_precision.get("fp16")
        cells.append(f"{min(times.values()) / half['latency_ms']['median']:.2f}" if times and half else "-")
        print("| " + " | ".join(cells) + " |")
    for (name, batch), by_precision in rows.items():
        for precision, network in by_precision.items():
            layers = sorted(network["layers"], key=lambda layer: -layer["ms"])
            total = sum(layer["ms"] for layer in layers)
            print(f"\n{name} b{batch} {precision}: {len(layers)} kernels in {network['launches']} launches, "
                  f"{total:.3f} ms by profile of the kernels alone")
            for layer in layers[:10]:
                print(f"  {layer['ms']:8.4f}  {layer['name']}  {layer['family']} {layer['tactic']}")
    result = {"device": device, "ceilings_gops": limits, "pytorch": peers,
              "tessera": [n for by_precision in rows.values() for n in by_precision.values()]}
    (folder / "gpu.json").write_text(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
