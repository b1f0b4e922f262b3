# Documented in __init__.pyi, whose docstrings the classes and functions have at run time, too.
import sys as _sys

from ._neighbours import refuse_tensorflow as _refuse_tensorflow

_refuse_tensorflow()

from . import _core  # noqa: E402
from ._core import *  # noqa: E402,F401,F403
from ._core import __version__  # noqa: E402
from ._errors import *  # noqa: E402,F401,F403
from ._trace import write_trace  # noqa: E402,F401

__doc__ = _core.__doc__
TUNE_WORKER = _core._lean_worker(__path__[0], [_sys.executable, "-m", "tessera.tune_worker"])
__all__ = [_name for _name in globals() if not _name.startswith("_")]
