"""Selection: scorers whose weights and settings are chosen on validation rows."""
