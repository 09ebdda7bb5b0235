"""The statements for variables, values and recorded calls."""
