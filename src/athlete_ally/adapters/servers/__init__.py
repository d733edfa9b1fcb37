"""Real servers on one machine: nats-server and PostgreSQL from their wheels, run by a supervisor process."""
