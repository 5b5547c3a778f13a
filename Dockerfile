# One image for every command. The arguments after its name are rollcall's, as in `docker run --rm rollcall --help`.
# The base names Python's minor version and Debian's release. `docker build --pull` takes the newest fixes of both.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build
# The environment gets no pip, so that none is copied. The pip of this stage fills it from outside.
RUN python -m venv --without-pip /opt/rollcall
COPY deploy/requirements.txt deploy/build-requirements.txt ./
# The dependencies change seldom, so they have their own layer. Only wheels with a known hash are used, and nothing is
# compiled here.
# To use another package index: docker build --secret id=pip.conf,src=... .  (The secret is in no layer.)
RUN --mount=type=secret,id=pip.conf,target=/etc/pip.conf --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/rollcall/bin/python install --only-binary :all: --require-hashes -r requirements.txt \
    && pip install --only-binary :all: --require-hashes -r build-requirements.txt
# .dockerignore allows only the files that are installed.
COPY . .
RUN pip wheel --no-deps --no-build-isolation --no-index --wheel-dir wheels . \
    && pip --python /opt/rollcall/bin/python install --no-deps --no-index wheels/*.whl

FROM ${PYTHON_IMAGE}
# Nothing is installed in a running container.
RUN pip uninstall --yes --quiet --root-user-action=ignore pip setuptools wheel \
    && rm -rf /usr/local/lib/python3.11/ensurepip \
    && useradd --uid 10001 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin rollcall
COPY --from=build /opt/rollcall /opt/rollcall
COPY deploy/probe.py /opt/probe.py
ENV PATH=/opt/rollcall/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    ROLLCALL_HTTP_HOST=0.0.0.0 \
    ROLLCALL_METRICS_HOST=0.0.0.0 \
    ROLLCALL_CONSUMER_HTTP_HOST=0.0.0.0
# By number, so that an orchestrator can see that it is not root.
USER 10001:10001
# A folder with files for a command may be mounted here. rollcall stores nothing in it.
WORKDIR /data
EXPOSE 8080 8081 9464
# Checks /healthz, not /readyz, because a restart does not help a service that waits for Kafka.
HEALTHCHECK --interval=10s --timeout=10s --start-period=20s CMD ["python", "-IS", "/opt/probe.py", "/healthz"]
ENTRYPOINT ["rollcall"]
CMD ["--help"]
