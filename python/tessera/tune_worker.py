"""The program of tessera.TUNE_WORKER: tries candidates for the process that started it."""
import sys

from tessera import run_tune_worker

if __name__ == "__main__":
    sys.exit(run_tune_worker())
