"""What the client's systems are told by webhooks: in batches, in order, each at least once."""
