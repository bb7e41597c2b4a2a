"""A folder and a chain of actions after it: what most figures measure, under a daemon and as the raw limit."""
