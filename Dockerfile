# syntax=docker/dockerfile:1
# docker build -t dann .                                   for a processor
# docker build -t dann --build-arg ACCELERATOR=cuda .      for an NVIDIA GPU
# docker run -v ./data:/app/data -e DISCORD_TOKEN dann     serves; any dann command can follow: ... dann train --minutes 10
# Another config.toml: add -v ./config.toml:/app/config.toml:ro

FROM debian:bookworm-slim AS build
ARG ACCELERATOR=cpu
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /src
RUN python3 -m venv /opt/dann
COPY requirements*.lock ./
RUN lock=requirements.lock; [ "$ACCELERATOR" = cpu ] || lock="requirements-$ACCELERATOR.lock"; \
    /opt/dann/bin/pip install --no-cache-dir --quiet --disable-pip-version-check --require-hashes -r "$lock"
COPY pyproject.toml README.md LICENSE ./
COPY bot bot
COPY model model
COPY training training
RUN /opt/dann/bin/pip install --no-cache-dir --quiet --disable-pip-version-check --no-deps --no-build-isolation .

FROM debian:bookworm-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends python3 ca-certificates tini && rm -rf /var/lib/apt/lists/*
RUN useradd --uid 10001 --home-dir /app --no-create-home dann && mkdir -p /app/data && chown dann /app/data
COPY --from=build /opt/dann /opt/dann
WORKDIR /app
COPY config.toml ./
COPY experiments experiments
ENV PATH=/opt/dann/bin:$PATH PYTHONUNBUFFERED=1
USER dann
VOLUME /app/data
# `dann serve` touches this file while its event loop turns. Not /healthz: HTTP may be off, or elsewhere by config.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD test $(( $(date +%s) - $(stat -c %Y /app/data/serving) )) -lt 30
ENTRYPOINT ["tini", "--", "dann"]
CMD ["serve"]
