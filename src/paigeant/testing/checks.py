"""Common checks of parts that examine themselves."""

# ruff: noqa: S101 -- tests

from __future__ import annotations

from collections.abc import Sequence

from paigeant.model.checks.findings import Finding, Severity


def is_useful(findings: Sequence[Finding]) -> bool:
    """Assert that the findings of a healthy part can be shown: no problem, one line each, with remedies."""
    for finding in findings:
        assert finding.severity is not Severity.PROBLEM, finding
        assert finding.about, finding
        assert finding.said, finding
        assert (finding.fix is None) == (finding.severity is Severity.OK), finding
        assert "\n" not in finding.said + (finding.fix or ""), finding
    assert len({finding.about for finding in findings}) == len(findings), "each is looked at once"
    return True
