"""Statements of commits: the judged path and the plain one."""
