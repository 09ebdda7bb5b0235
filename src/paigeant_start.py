"""Entry point of the program: a separate module, so that Ctrl-C ends it quietly while the package is loaded."""

# Only modules that Python has loaded already are imported: Ctrl-C while another one loads would print a traceback.
import os
import sys

signal = __import__("_signal")  # the module ``signal`` would load enum, and many more


def main() -> None:
    """Load the command line and run it."""
    _begin()
    from paigeant.cli import main as run  # noqa: PLC0415  (it takes long to load)

    _spare_the_collector()
    if signal.getsignal(signal.SIGINT) is _leave:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    run()


def _begin() -> None:
    """End quietly on Ctrl-C while the rest is loaded, without garbage collection: loading makes almost no garbage."""
    import gc  # noqa: PLC0415  (it is built in, and loaded only where this is the program)

    gc.disable()
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _leave)


def _spare_the_collector() -> None:
    """Let the garbage collector run less often, and skip everything loaded by now, which stays to the end.

    Running steps are many objects that live for a while and are freed without it. Collecting as often as Python does by
    default costs a sixth of a worker's time; now garbage in cycles is freed some megabytes later.
    """
    import gc  # noqa: PLC0415  (as above)

    gc.freeze()
    gc.set_threshold(20_000, 50, 100)
    gc.enable()


def _leave(number: int, frame: object) -> None:
    del number, frame
    os._exit(130)  # nothing runs yet that would need a cleanup


# Python loads a package before its __main__: then sys.argv begins with "-m". No other program is touched.
if sys.argv[:1] == ["-m"] and ("-m", "paigeant") in zip(sys.orig_argv, sys.orig_argv[1:], strict=False):
    _begin()

if __name__ == "__main__":
    main()
