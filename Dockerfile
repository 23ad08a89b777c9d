# The same steps as `make run`: a hash-locked install, `bootstrap`, `serve`.
#
# The base is a tag and not a digest: a digest would freeze Debian's security updates at the day
# when this file was written. Pin one where you build, if you must rebuild the same bytes.
FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 DATA_DIR=/data HOST=0.0.0.0
WORKDIR /app

# Before the code, so that a change of the code does not install everything again.
COPY requirements.txt ./
RUN python -m pip install --require-hashes --only-binary :all: -r requirements.txt

COPY pyproject.toml README.md LICENSE manage.py ./
COPY accounts ./accounts
COPY analytics ./analytics
COPY combos ./combos
COPY gateway ./gateway
COPY omniroute ./omniroute
COPY providers ./providers
COPY templates ./templates
RUN python -m pip install --no-deps --no-build-isolation --no-index -e .
RUN useradd --system --uid 10001 omniroute && mkdir /data && chown omniroute /data

USER omniroute
VOLUME /data
EXPOSE 20128
STOPSIGNAL SIGTERM
# 127.0.0.1 must stay among ALLOWED_HOSTS for this.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:20128/healthz', timeout=2)"]
CMD ["sh", "-c", "python manage.py bootstrap && exec python manage.py serve"]
