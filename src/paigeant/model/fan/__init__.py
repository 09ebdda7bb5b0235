"""Branches: state of a node's join, reports of branches, and outcomes of nodes."""
