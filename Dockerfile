# syntax=docker/dockerfile:1
# One image for every command: `ingest` by default, `normalize`, `migrate`, `streams` ... by argument.
# The test suite lints this file, but does not build it.

# The minor version with which the figures in the docs were measured; the Debian release is named, so that a
# rebuild brings security updates but never another libc.
FROM python:3.11-slim-trixie AS build

# The version that wrote uv.lock. From PyPI, like everything else in this image, so that only one registry is trusted.
RUN --mount=type=cache,target=/root/.cache/pip pip install uv==0.13.9

# Hard links can't leave a cache mount; a compiled image starts faster and can be read-only.
ENV UV_LINK_MODE=copy \
    UV_COMPILE_BYTECODE=1 \
    UV_PYTHON_DOWNLOADS=never
WORKDIR /app

# Dependencies change less often than code, so their layer stays cached until the lock file changes.
RUN --mount=type=cache,target=/root/.cache/uv \
    --mount=type=bind,source=pyproject.toml,target=pyproject.toml \
    --mount=type=bind,source=uv.lock,target=uv.lock \
    uv sync --locked --extra otel --no-install-project

COPY pyproject.toml uv.lock README.md LICENSE ./
COPY src ./src
RUN --mount=type=cache,target=/root/.cache/uv \
    uv sync --locked --extra otel --no-editable


FROM python:3.11-slim-trixie

# A fixed number, so that an orchestrator sees that it isn't root, and a volume can be owned by it.
# A volume that is mounted at the folder of the message journal is made with its owner.
RUN useradd --uid 10001 --no-log-init --create-home athlete && \
    install -d -o 10001 -g 10001 -m 0700 /var/lib/athlete-ally/journal
# The same path as in the build, because a virtual environment contains its own path.
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /home/athlete

# ingest; health and series of normalize; the console
EXPOSE 4101 4102 4180

# For `ingest`, the default command; replace or disable it for other commands (deploy/compose.yaml does).
# Python, because the image has no curl; without any proxy. Liveness, not readiness: a restart does not end an outage.
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from urllib.request import ProxyHandler, build_opener; build_opener(ProxyHandler({})).open('http://127.0.0.1:4101/health', timeout=4)"]

ENTRYPOINT ["athlete-ally"]
CMD ["ingest"]
