"""A run of a sweep in a process of its own: ``python -m zoo.sweeps.member fit WORDS``, as ``zoo fit WORDS``.

It ends with the process that started it: that one holds the other end of standard input, and where it is gone, even
by a kill, the run is told to stop as by SIGTERM, so that it saves between two steps.
"""

import _thread
import os
import runpy
import signal
import threading


def _end_with_parent() -> None:
    while os.read(0, 1):
        pass
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        # Nothing is trained yet, or all is saved.
        os._exit(128 + signal.SIGTERM)
    # On Windows, too, where nobody can send a signal that is caught.
    _thread.interrupt_main(signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    runpy.run_module("zoo", run_name="__main__")
