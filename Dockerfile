FROM rust:1.95-slim-trixie AS build
RUN apt-get update \
    && apt-get install --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /visnyk
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/visnyk/target \
    cargo build --locked --profile dist --bin visnyk \
    && cp target/dist/visnyk /usr/local/bin/visnyk

# The same Debian as above, for the same C library.
FROM debian:trixie-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --home-dir /var/lib/visnyk --create-home visnyk
COPY --from=build /usr/local/bin/visnyk /usr/local/bin/visnyk
ENV VISNYK_DATA=/var/lib/visnyk \
    VISNYK_LISTEN=0.0.0.0:8080
USER visnyk
WORKDIR /var/lib/visnyk
VOLUME /var/lib/visnyk
EXPOSE 8080
# Long enough for migrations of a big database at the first start after an upgrade.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s CMD ["visnyk", "check", "--alive"]
# SIGTERM, Docker's own way to stop, drains: letters in hand are finished first.
ENTRYPOINT ["visnyk"]
CMD ["serve"]
