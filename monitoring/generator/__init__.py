"""Makes everything in `monitoring/` from one description: rules, dashboard, and the tables in the docs about them."""
