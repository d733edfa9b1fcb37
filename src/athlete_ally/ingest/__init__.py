"""The way in: check the sender and the shape, publish, and answer 2xx only after the stream's acknowledgement."""
