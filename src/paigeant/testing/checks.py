"""What the suites ask of every part that examines itself."""

# ruff: noqa: S101 -- tests

from __future__ import annotations

from collections.abc import Sequence

from paigeant.model.checks.findings import Finding, Severity


def is_useful(findings: Sequence[Finding]) -> bool:
    """Tell whether a healthy part can be shown by what it found: no problem, a line each, and what to do if unwell."""
    for finding in findings:
        assert finding.severity is not Severity.PROBLEM, finding
        assert finding.about, finding
        assert finding.said, finding
        assert (finding.fix is None) == (finding.severity is Severity.OK), finding
        assert "\n" not in finding.said + (finding.fix or ""), finding
    assert len({finding.about for finding in findings}) == len(findings), "each is looked at once"
    return True
