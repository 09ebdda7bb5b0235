"""The start of the program: a module of its own, so that Ctrl-C is heard quietly while the package is still loaded."""

# Nothing is imported that Python has not loaded already: what takes time to load is where Ctrl-C would not be quiet.
import os
import sys

signal = __import__("_signal")  # the module ``signal`` loads enum, and that much more


def main() -> None:
    """Load the command line and run it."""
    _end_quietly_on_interrupt()
    from paigeant.cli import main as run  # noqa: PLC0415  (it is what takes its time)

    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _end_quietly_on_interrupt() -> None:
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def _leave(number: int, frame: object) -> None:
    del number, frame
    os._exit(130)  # nothing runs yet that would have to be put in order


# Python loads a package before its __main__: then sys.argv begins with "-m". No other program is touched.
if sys.argv[:1] == ["-m"] and ("-m", "paigeant") in zip(sys.orig_argv, sys.orig_argv[1:], strict=False):
    _end_quietly_on_interrupt()

if __name__ == "__main__":
    main()
