"""What a store must keep of what happens within steps."""
