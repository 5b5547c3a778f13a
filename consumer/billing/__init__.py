"""SMS as they are billed: segments, prices and budgets."""
