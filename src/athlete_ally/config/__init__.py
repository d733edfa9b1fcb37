"""Settings: one frozen object from options, environment and `.env`, validated at start."""
