"""Dead letters: reading, grouping, predicting, replaying and editing them."""
