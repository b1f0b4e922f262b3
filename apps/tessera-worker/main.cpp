// tessera-worker: compiles and times kernels for other programs, and loads nothing but the library for it.
#include "tessera/tuning.hpp"

int main(int argc, char** argv) { return tessera::runLeanWorker(argc, argv); }
