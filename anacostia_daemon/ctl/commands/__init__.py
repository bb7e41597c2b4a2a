"""One module per command; each has one click command called `command`."""
