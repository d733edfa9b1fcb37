"""What foreign files and payloads mean: pure, from bytes or values to readings as they go over the wire."""
