"""The pages: each takes a visit, asks its ports, and passes a pure model to its template."""
