"""The exceptions; _core raises them."""


class Error(Exception):
    code = ""


class InvalidArgument(Error, ValueError):
    code = "InvalidArgument"


class Unsupported(Error):
    code = "Unsupported"


class BadModel(Error):
    code = "BadModel"


class DeviceError(Error):
    code = "DeviceError"


class Cancelled(DeviceError):
    pass


class OutOfMemory(Error, MemoryError):
    code = "OutOfMemory"


class BadCache(Error):
    code = "BadCache"


class Internal(Error):
    code = "Internal"


for _error in (Error, *Error.__subclasses__(), Cancelled):
    _error.__module__ = "tessera"
