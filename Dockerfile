# Three images: `zvonar` (the application, the last stage and so the default), `asterisk` (what it dials with,
# of the same packages as the lab's) and `demo` (everything for `make demo`). compose.yaml puts them together.
# An index of one's own: docker build --secret id=pip,src=pip.conf

FROM debian:sid-slim AS asterisk
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
       asterisk asterisk-core-sounds-en-wav asterisk-core-sounds-ru-wav \
    && rm -rf /var/lib/apt/lists/* \
    && mkdir -p /run/asterisk \
    && chown -R 4573:4573 /etc/asterisk /run/asterisk /var/lib/asterisk /var/log/asterisk /var/spool/asterisk
# The application's user too: they share the configuration and the audio.
USER 4573:4573
ENTRYPOINT ["asterisk", "-f"]

FROM debian:bookworm-slim AS demo
WORKDIR /opt/zvonar
COPY etc/debian.sh etc/debian.sh
RUN apt-get update \
    && apt-get install -y --no-install-recommends make \
    && sh etc/debian.sh \
    && rm -rf /var/lib/apt/lists/*
COPY . .
RUN --mount=type=secret,id=pip,target=/etc/pip.conf make install
ENTRYPOINT ["make"]
CMD ["demo"]

FROM debian:bookworm-slim AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3 python3-venv \
    && rm -rf /var/lib/apt/lists/*
COPY . /src
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    python3 -m venv /opt/zvonar && /opt/zvonar/bin/pip install --no-cache-dir /src

FROM debian:bookworm-slim AS zvonar
RUN apt-get update \
    && apt-get install -y --no-install-recommends espeak-ng python3 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 4573 zvonar \
    && useradd --uid 4573 --gid 4573 --home-dir /var/lib/zvonar --no-create-home --shell /usr/sbin/nologin zvonar \
    && install -d -o zvonar -g zvonar -m 0750 /var/lib/zvonar /etc/asterisk
COPY --from=build /opt/zvonar /opt/zvonar
ENV PATH=/opt/zvonar/bin:$PATH PYTHONDONTWRITEBYTECODE=1
USER 4573:4573
# Relative paths of the settings, as the default database, are under this folder.
WORKDIR /var/lib/zvonar
VOLUME /var/lib/zvonar
ENTRYPOINT ["zvonar"]
CMD ["serve", "all"]
