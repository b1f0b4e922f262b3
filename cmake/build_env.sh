# Sourced by the scripts: compiler cache where there is one, number of jobs, a place for PoCL's kernel cache, and the
# one way to configure a build, so that what one script compiled serves the other.
jobs=$(nproc)
launcher=()
if command -v ccache >/dev/null; then
  launcher=(-DCMAKE_CXX_COMPILER_LAUNCHER=ccache -DCMAKE_C_COMPILER_LAUNCHER=ccache)
  # Clones and worktrees share what they compiled: paths below the repository count as relative ones.
  export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$PWD} CCACHE_NOHASHDIR=${CCACHE_NOHASHDIR:-1}
fi
# Warnings are errors with the compiler that all is developed with; other compilers have warnings of their own.
werror=OFF
case "$("${CXX:-c++}" --version 2>/dev/null | head -1)" in *"12.2"*) werror=ON ;; esac

# configure PRESET [options]
configure() {
  local preset=$1 strict=$werror
  shift
  case $preset in asan | tsan) strict=OFF ;; esac  # what sanitizers insert makes GCC warn of what is not so
  cmake --preset "$preset" -DTESSERA_WERROR=$strict "${launcher[@]}" "$@" >/dev/null
}

# PoCL caches compiled kernels below HOME; without a writable one it would compile them anew in each process.
if [[ -z ${POCL_CACHE_DIR:-} && ! -w ${HOME:-/nonexistent} ]]; then
  export POCL_CACHE_DIR="$PWD/build/pocl-cache"
  mkdir -p "$POCL_CACHE_DIR"
fi
