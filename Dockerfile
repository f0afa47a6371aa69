# Built in two steps, so that neither pip's cache nor a compiler is in the image that runs.
FROM python:3.11-slim AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY app app
COPY protocols protocols
COPY schemas schemas
RUN python -m venv /opt/crossdock && /opt/crossdock/bin/pip install --no-cache-dir '.[oidc]'
# The chart library that starlette-admin carries is not open source, and no page of ours loads it.
RUN find /opt/crossdock -name 'apexcharts*' -delete

FROM python:3.11-slim
RUN useradd --system --uid 10001 --home-dir /data --create-home crossdock
COPY --from=build /opt/crossdock /opt/crossdock
ENV PATH=/opt/crossdock/bin:$PATH PYTHONUNBUFFERED=1
USER crossdock
WORKDIR /data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["crossdock"]
CMD ["serve", "--host", "0.0.0.0", "--port", "8000", "--data", "/data"]
