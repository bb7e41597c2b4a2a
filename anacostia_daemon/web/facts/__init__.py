"""What is so: functions that answer with the JSON shapes that `--json` prints, for the API and for the pages alike.

They ask the daemon over its control socket, and read logs and artifacts where they lie. Nothing here knows of HTTP.
"""
