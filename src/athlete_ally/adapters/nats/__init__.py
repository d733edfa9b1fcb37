"""NATS JetStream: connection, publisher, inbox and administration."""
