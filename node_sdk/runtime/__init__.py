"""What runs inside a node's process, and the loader that starts it. Imports nothing of the daemon."""
