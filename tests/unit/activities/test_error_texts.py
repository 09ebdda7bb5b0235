"""An error's text tells of the errors behind it too, and of those in a group."""

from __future__ import annotations

from paigeant.activities.faults import describe


def raised(error: Exception, cause: Exception | None = None) -> Exception:
    """Return the error as if it had been raised from the other."""
    error.__cause__ = cause
    return error


def test_what_led_to_an_error_is_told_with_it():
    fault = describe(raised(ValueError("outer"), raised(KeyError("inner"))))

    assert (fault.type, fault.message) == ("ValueError", "outer; caused by KeyError: 'inner'")


def test_the_errors_of_a_group_are_told():
    fault = describe(raised(ExceptionGroup("two things", [ValueError("a"), OSError("b")])))

    assert fault.message == "two things (2 sub-exceptions); ValueError: a; OSError: b"


def test_what_was_suppressed_is_not_told():
    error = ValueError("outer")
    error.__context__, error.__suppress_context__ = KeyError("inner"), True

    assert describe(error).message == "outer"


def test_a_chain_without_end_is_cut():
    error: Exception = ValueError("0")
    for number in range(1, 50):
        error = raised(ValueError(str(number)), error)

    assert describe(error).message.count("caused by") == 5
