"""Traces of runs for OpenTelemetry: which runs are due (`due`), what they look like as spans (`spans`). Needs the
OpenTelemetry SDK and its exporter (the extra `otel`)."""
