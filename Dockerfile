# The builder runs on the machine's own platform and compiles for the image's, so that arm64 needs no emulation.
FROM --platform=$BUILDPLATFORM rust:1.95.0-alpine3.22 AS build
# clang and lld write code for every platform; gcc, which the base image has, only for its own.
# cargo-auditable writes into the program which crates it is built from, cargo-cyclonedx writes the SBOM.
RUN apk add --no-cache clang lld musl-dev \
    && cargo install --locked cargo-auditable@0.7.7 cargo-cyclonedx@0.5.9
ARG BUILDARCH
ARG TARGETARCH
# The time that the SBOM names, in seconds since 1970: the commit's, so that the same sources make the same SBOM.
ARG SOURCE_DATE_EPOCH=0
WORKDIR /source
COPY . .
# Panics abort, so nothing reads the unwind tables: a tenth of the binary's size.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/source/target \
    case "$TARGETARCH" in \
      amd64) target=x86_64-unknown-linux-musl ;; \
      arm64) target=aarch64-unknown-linux-musl ;; \
      *) echo "no build for $TARGETARCH" >&2; exit 1 ;; \
    esac \
    && if [ "$TARGETARCH" != "$BUILDARCH" ]; then \
      rustup target add "$target"; \
      export TARGET_CC=clang TARGET_AR=llvm-ar \
        CARGO_TARGET_X86_64_UNKNOWN_LINUX_MUSL_LINKER=ld.lld CARGO_TARGET_AARCH64_UNKNOWN_LINUX_MUSL_LINKER=ld.lld; \
    fi \
    && RUSTFLAGS="-C force-unwind-tables=no" cargo auditable build --release --locked --package gatepost --target "$target" \
    && cp "target/$target/release/gatepost" /gatepost \
    && cargo cyclonedx --quiet --format json --spec-version 1.5 --describe binaries --target "$target" \
    && cp gatepost_bin.cdx.json /gatepost.cdx.json

# Nothing but the program and its papers: it brings its own root certificates and needs no other file.
# No USER, as in every pipe: the folders that Pipelines mounts belong to root, and result files are written there.
FROM scratch
ARG VERSION=dev
LABEL org.opencontainers.image.title="Gatepost" \
      org.opencontainers.image.description="Bitbucket Pipelines pipe that carries SonarQube's verdict to the commit of a pull request" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.source="https://bitbucket.org/gatepost/gatepost" \
      org.opencontainers.image.documentation="https://bitbucket.org/gatepost/gatepost/src/main/README.md"
COPY LICENSE.txt README.md pipe.yml /
COPY --from=build /gatepost /gatepost.cdx.json /
ENTRYPOINT ["/gatepost"]
