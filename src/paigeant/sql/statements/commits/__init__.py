"""The statements of a commit: the judged path and the plain one."""
