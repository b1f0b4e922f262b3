"""Libraries that can not live in one process with Tessera."""


def refuse_tensorflow():
    """TensorFlow's library gives its own protobuf and LLVM to the whole process; importers and PoCL would be bound to them, and crash."""
    try:
        with open("/proc/self/maps") as maps:
            loaded = any("libtensorflow_framework" in line for line in maps)
    except OSError:
        return
    if loaded:
        raise ImportError("TensorFlow is loaded in this process, and its own protobuf and LLVM would take the place of those that Tessera and "
                          "OpenCL drivers need; use tessera in a process of its own (models and arrays travel as files)")
