"""Spending on models: prices and budgets."""
