"""What is spent on models: prices and budgets."""
