"""What is decided and done: one folder a part, pure rules beside the service that loads, decides, saves."""

__version__ = "0.1.0"
