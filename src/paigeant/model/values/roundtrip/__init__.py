"""Round trips: values are written as JSON that the same type reads back, or are refused."""
