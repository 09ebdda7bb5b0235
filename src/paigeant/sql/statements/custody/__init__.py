"""The statements of custody: what is signed, and by which keys."""
