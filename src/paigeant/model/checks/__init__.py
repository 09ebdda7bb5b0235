"""Checks: flaws of workflows and options, and findings about an installation, with remedies."""
