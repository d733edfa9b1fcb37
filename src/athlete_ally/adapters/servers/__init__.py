"""Real servers on one machine: nats-server and PostgreSQL from their wheels, watched over by a guardian process."""
