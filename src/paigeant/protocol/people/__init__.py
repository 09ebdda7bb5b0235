"""What a store decides about what people are asked."""
