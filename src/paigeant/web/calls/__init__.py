"""Approvals, recorded calls, conversations and costs, as API and as pages."""
