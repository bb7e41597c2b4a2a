"""The metrics of a daemon for Prometheus, over HTTP: what there is (`families`), where it comes from (`sample`), how it
is served (`server`). Needs prometheus-client (the extra `metrics`)."""
