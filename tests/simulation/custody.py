"""What must be true of the custody of runs that are signed: whatever has happened, each is what was signed of it."""

from __future__ import annotations

from paigeant.security.custody.audit import audit
from paigeant.security.custody.evidence.verdict import BROKEN
from paigeant.security.custody.judge import Judge
from paigeant.security.signed import SignedCodec
from paigeant.stores.memory.custody import load_evidence
from paigeant.stores.memory.rows import Rows


def judge_custody(rows: Rows) -> list[str]:
    """Return what an audit finds broken, run by run."""
    judge = Judge(SignedCodec().keyring, "default")
    audits = [audit(load_evidence(rows, run), judge) for run in rows.runs.values()]
    return [f"{each.workflow_id} is {each.verdict}: {each.broken}" for each in audits if each.verdict == BROKEN]
