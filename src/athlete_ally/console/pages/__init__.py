"""The pages: each takes a visit, asks its ports, and hands a pure model to its template."""
