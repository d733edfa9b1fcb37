"""The `Tracing` port: without traces, and on OpenTelemetry (the extra `otel`), which nothing else may import."""
