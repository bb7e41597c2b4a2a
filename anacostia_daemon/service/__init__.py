"""The daemon as a service of the system: what systemd is told and tells, and how the units are installed.

Knows nothing of pipelines beyond their names and phases, and imports nothing of the supervisor.
"""
