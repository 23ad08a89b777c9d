# The same steps as `make run`: a hash-locked install, `bootstrap`, `serve`.
# Pin the base by digest where you build: which digest is current is not for this file to know.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 DATA_DIR=/data HOST=0.0.0.0
WORKDIR /app

COPY requirements.txt ./
RUN python -m pip install --no-cache-dir --require-hashes --only-binary :all: -r requirements.txt

COPY pyproject.toml README.md LICENSE manage.py ./
COPY accounts ./accounts
COPY analytics ./analytics
COPY combos ./combos
COPY gateway ./gateway
COPY omniroute ./omniroute
COPY providers ./providers
COPY templates ./templates
RUN python -m pip install --no-cache-dir --no-deps --no-build-isolation --no-index -e .
RUN useradd --system --uid 10001 omniroute && mkdir /data && chown omniroute /data

USER omniroute
VOLUME /data
EXPOSE 20128
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:20128/healthz', timeout=2)"]
CMD ["sh", "-c", "python manage.py bootstrap && exec python manage.py serve --no-worker"]
