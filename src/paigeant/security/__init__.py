"""Security: the codec that seals messages into bytes and opens them again."""
