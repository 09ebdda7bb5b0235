"""Security: codecs that seal messages into bytes, sign them and verify them."""
