"""Return values and errors of an activity: validated, and converted to their stored form."""
