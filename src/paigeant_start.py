"""The start of the program: a module of its own, so that Ctrl-C is heard quietly while the package is still loaded."""

# Nothing is imported that Python has not loaded already: what takes time to load is where Ctrl-C would not be quiet.
import os
import sys

signal = __import__("_signal")  # the module ``signal`` loads enum, and that much more


def main() -> None:
    """Load the command line and run it."""
    _begin()
    from paigeant.cli import main as run  # noqa: PLC0415  (it is what takes its time)

    _spare_the_collector()
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _begin() -> None:
    """End quietly on Ctrl-C while the rest is loaded, and look for no garbage: next to nothing of it is any."""
    import gc  # noqa: PLC0415  (it is built in, and loaded only where this is the program)

    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def _spare_the_collector() -> None:
    """Let the garbage collector look less often, and not at what is loaded by now, which stays to the end.

    Steps under way are many objects that live for a while and go without it. Looking at them as often as Python does by
    default costs a sixth of a worker's time; what is in a cycle waits for some megabytes more.
    """
    import gc  # noqa: PLC0415  (as above)

    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


def _leave(number: int, frame: object) -> None:
    del number, frame
    os._exit(130)  # nothing runs yet that would have to be put in order


# Python loads a package before its __main__: then sys.argv begins with "-m". No other program is touched.
if sys.argv[:1] == ["-m"] and ("-m", "paigeant") in zip(sys.orig_argv, sys.orig_argv[1:], strict=False):
    _begin()

if __name__ == "__main__":
    main()
