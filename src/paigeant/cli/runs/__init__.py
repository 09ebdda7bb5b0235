"""Commands that dispatch, show and steer runs."""
