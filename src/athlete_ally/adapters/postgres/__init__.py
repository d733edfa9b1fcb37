"""PostgreSQL: the pool, the store, and the migrations."""
