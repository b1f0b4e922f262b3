#!/usr/bin/env bash
# Times the reference networks on a GPU in fp32, fp16 and INT8 side by side with PyTorch, where that is installed, in one run.
# Usage: bench/gpu.sh [--device SEL] [--tune off|fast|full] [--tune-budget S] [--networks a,b:32] [--precisions fp32,fp16,int8]
#                     [--launches measured|steps|one] [--check on|off] [--runs N] [--models FILE].. [--bin FOLDER] [--out FOLDER]
#
# It builds what it needs (no OpenCV; or takes the programs of --bin), checks the kernels of tensor cores against their
# references, tunes, and prints a table of medians (wall time of a run with clFinish; PyTorch by events), fractions of the
# device's measured ceilings and the heaviest layers. Layers run in INT8 where tuning found it to pay. OUT/gpu.json holds
# everything. Without --bin: CMake, protobuf, spdlog, CLI11, nlohmann-json, GoogleTest and an OpenCL loader.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
device=gpu tune=fast networks=fcn8s,resnet50,resnet50:32,vgg16,mobilenet_v2,squeezenet runs=60 bin="" out="$root/build/gpu"
budget=0 launches=measured precisions=fp32,fp16,int8 check=on
models=()
while (($#)); do
  case $1 in
    --device) device=$2 ;;
    --tune) tune=$2 ;;
    --tune-budget) budget=$2 ;;
    --launches) launches=$2 ;;
    --check) check=$2 ;;
    --precisions) precisions=$2 ;;
    --networks) networks=$2 ;;
    --runs) runs=$2 ;;
    --bin) bin=$2 ;;
    --out) out=$2 ;;
    --models) models+=("$2") ;;
    *) echo "gpu.sh: unknown option $1; see the head of $0" >&2; exit 2 ;;
  esac
  (($# > 1)) || { echo "gpu.sh: $1 wants a value" >&2; exit 2; }
  shift 2
done
mkdir -p "$out"

if [[ -z $bin ]]; then
  (
    cd "$root"
    source cmake/build_env.sh
    cmake -S . -B build/bench -DCMAKE_BUILD_TYPE=Release -DTESSERA_APPS=OFF -DTESSERA_SHARED=OFF -DTESSERA_PYTHON=OFF \
      -DTESSERA_TESTS=ON -DTESSERA_BENCH=ON "${launcher[@]}" >&2
    cmake --build build/bench -j "$jobs" --target bench_models test_kernels >&2
  )
  bin="$root/build/bench/bin"
fi

if [[ $check == on ]]; then
  echo "Checking the tensor cores' kernels against their references" >&2
  TESSERA_TEST_DEVICE=${TESSERA_TEST_DEVICE:-NVIDIA} "$bin/test_kernels" --gtest_brief=1 --gtest_filter='*conv_mma:*conv_wgmma:*conv_stem:SplitSum*' >&2
fi

# One file for each batch size: bench_models takes one at a time.
batches=$(tr ',' '\n' <<<"$networks" | sed -n 's/.*:\([0-9]*\)$/\1/p; /:/!s/.*/1/p' | sort -nu)
choice=measured
[[ $tune == off ]] && choice=rules
turns=""
for precision in ${precisions//,/ }; do
  turns+="${turns:+,}$precision:$tune"
  [[ $precision == int8 ]] && turns+=":$choice"
done
rm -f "$out"/tessera-*.json
for batch in $batches; do
  names=$(tr ',' '\n' <<<"$networks" | sed 's/^\([^:]*\)$/\1:1/' | sed -n "s/:$batch\$//p" | paste -sd,)
  files=()
  ((batch == 1 && ${#models[@]})) && files=(--models "${models[@]}")
  "$bin/bench_models" --device "$device" --networks "$names" --batch "$batch" --runs "$runs" "${files[@]}" --roofline \
    --tune-budget "$budget" --launches "$launches" --turns "$turns" --json "$out/tessera-$batch.json" >&2
done

rm -f "$out/pytorch.json"
if python3 -c 'import torch, torchvision; assert torch.cuda.is_available()' 2>/dev/null; then
  python3 "$root/bench/gpu_peers.py" --networks "$networks" >"$out/pytorch.json"
else
  echo "PyTorch with CUDA is not installed: no peers" >&2
fi
python3 "$root/bench/gpu_table.py" "$out"
