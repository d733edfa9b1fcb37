"""What the message journal is for: publishing again what streams lost."""
