"""Contracts of calls within steps: checkpoints, approvals, costs, budgets and model access."""
