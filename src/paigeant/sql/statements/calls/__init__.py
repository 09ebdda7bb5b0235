"""Statements of calls within steps: checkpoints, ledger, approvals, budgets, pauses."""
