"""What the application does for calls within steps: what they cost, and what people say to them."""
