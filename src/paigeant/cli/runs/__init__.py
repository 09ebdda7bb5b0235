"""Commands that dispatch, show and control runs."""
