# Two images: `services` for everything of ours that runs, `setup` with Fabric's programs for the one-shot set-up.

ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS packages
WORKDIR /build
RUN python3 -m venv --without-pip /opt/market
COPY requirements.lock ./
RUN python3 -m pip --python /opt/market/bin/python install --no-cache-dir --require-hashes -r requirements.lock
COPY . .
RUN python3 -m pip --python /opt/market/bin/python install --no-cache-dir --no-deps --no-build-isolation . \
    && find /opt/market -type d -name tests -prune -exec rm -rf {} +

FROM ${PYTHON} AS services
COPY --from=packages /opt/market /opt/market
ENV PATH=/opt/market/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ENERGY_MARKET_HOME=/market \
    ENERGY_MARKET_HOSTS=queue,optimizer,clock,dashboard
# A new volume takes over the owner of the folder that it is mounted on.
RUN groupadd --gid 10001 market \
    && useradd --uid 10001 --gid market --home-dir /market --create-home market \
    && mkdir -p /market/keys /market/public /market/embedded/keys \
    && python -m fabric_network.containers folders \
    && chown -R market:market /market \
    && chmod 0700 /market /market/embedded
USER 10001:10001
WORKDIR /market
ENTRYPOINT []
CMD ["energy-market"]

FROM ${PYTHON} AS programs
WORKDIR /build
COPY pyproject.toml ./
COPY market_files market_files
COPY fabric_network/programs fabric_network/programs
RUN python3 -m fabric_network.programs && mkdir -p /opt/fabric && mv .fabric/bin /opt/fabric/bin

FROM services AS setup
COPY --from=programs /opt/fabric/bin /opt/fabric/bin
ENV ENERGY_MARKET_FABRIC_BIN=/opt/fabric/bin
