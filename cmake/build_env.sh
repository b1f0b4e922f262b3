# Sourced by the scripts: compiler cache where there is one, number of jobs, and a place for PoCL's kernel cache.
jobs=$(nproc)
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
fi
# PoCL caches compiled kernels below HOME; without a writable one it would compile them anew in each process.
if [[ -z ${POCL_CACHE_DIR:-} && ! -w ${HOME:-/nonexistent} ]]; then
  export POCL_CACHE_DIR="$PWD/build/pocl-cache"
  mkdir -p "$POCL_CACHE_DIR"
fi
