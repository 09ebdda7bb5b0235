"""Calls within steps, in memory: checkpoints, ledger, approvals, budgets."""
