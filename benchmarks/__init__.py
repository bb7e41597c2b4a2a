"""Figures side by side with peers and with the raw limit of the machine; see README.md."""
