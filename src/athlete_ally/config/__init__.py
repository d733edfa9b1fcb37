"""Settings: one frozen object, from flags, environment and `.env`, checked at start."""
