"""Django's settings. What an operator may set is in `.env.example`, with its default."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import environ
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.templatetags.static import static
from django.urls import reverse_lazy

from omniroute import secrets

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
env.read_env(BASE_DIR / ".env")

# --- Where things are kept -------------------------------------------------------------------
DATA_DIR = Path(env.str("DATA_DIR", default=str(BASE_DIR / "data"))).resolve()
DATA_DIR.mkdir(parents=True, exist_ok=True, mode=0o700)
# Credentials, prompts and hashes lie here: for this user only, whatever the umask was.
DATA_DIR.chmod(0o700)

DATABASE_URL = env.str("DATABASE_URL", default="") or f"sqlite:///{DATA_DIR / 'omniroute.db'}"
DATABASES = {"default": environ.Env.db_url_config(DATABASE_URL)}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A deferred transaction that reads and then writes fails at once when another one
        # writes, whatever the timeout; IMMEDIATE waits for its turn.
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
else:
    # Under ASGI a persistent connection belongs to no request; psycopg's pool bounds them.
    # The log has a partition a day, and to compile a query of a hundred takes seconds each time.
    DATABASES["default"] |= {
        "CONN_MAX_AGE": 0,
        "OPTIONS": {
            "options": "-c jit=off",
            "pool": {"min_size": 0, "max_size": 8, "timeout": 10},
            **DATABASES["default"].get("OPTIONS", {}),
        },
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.str("REDIS_URL", default="")

# --- Secrets ---------------------------------------------------------------------------------
SECRET_KEY = env.str("SECRET_KEY", default="").strip() or secrets.secret_key(DATA_DIR)
ENCRYPTION_KEYS = [
    key.strip()
    for key in (
        env.str("ENCRYPTION_KEYS", default="").strip() or secrets.encryption_key(DATA_DIR)
    ).split(",")
    if key.strip()
]
for position, key in enumerate(ENCRYPTION_KEYS):
    try:
        Fernet(key)
    except ValueError:
        raise ImproperlyConfigured(
            f"ENCRYPTION_KEYS: entry {position + 1} is not a Fernet key "
            "(32 bytes, url-safe base64); make one with `python -c "
            "'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'`"
        ) from None
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY: at least 32 characters are needed")

# --- Addresses -------------------------------------------------------------------------------
HOST = env.str("HOST", default="127.0.0.1")
PORT = env.int("PORT", default=20128)
PUBLIC_URL = env.str("PUBLIC_URL", default=f"http://127.0.0.1:{PORT}").rstrip("/")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[PUBLIC_URL])
CORS_ALLOWED_ORIGINS = env.list("CORS_ALLOWED_ORIGINS", default=[])
try:
    TRUSTED_PROXIES = tuple(map(ip_network, env.list("TRUSTED_PROXIES", default=[])))
except ValueError as error:
    raise ImproperlyConfigured(f"TRUSTED_PROXIES: {error}") from None
FETCH_PRIVATE_NETWORKS = env.bool("FETCH_PRIVATE_NETWORKS", default=False)

# --- The first start -------------------------------------------------------------------------
API_KEY = env.str("API_KEY", default="").strip()
ADMIN_USERNAME = env.str("ADMIN_USERNAME", default="admin")
ADMIN_PASSWORD = env.str("ADMIN_PASSWORD", default="")

# --- Limits of the door ----------------------------------------------------------------------
MAX_BODY_MB = env.int("MAX_BODY_MB", default=50)
SHUTDOWN_GRACE = env.float("SHUTDOWN_GRACE", default=30.0)
GATEWAY_PROCESSES = env.int("GATEWAY_PROCESSES", default=1)
JOURNAL_FSYNC = env.bool("JOURNAL_FSYNC", default=False)
JOURNAL_MAX_MB = env.int("JOURNAL_MAX_MB", default=1024)

# --- Django ----------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
ROOT_URLCONF = "omniroute.urls"
ASGI_APPLICATION = "omniroute.asgi.application"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = True
LANGUAGES = [("en", "English")]  # so far; the sources are English, and Admin's follow
LOCALE_PATHS = [BASE_DIR / "locale"]
SITE_ID = 1
AUDITLOG_USE_FK_STRING_REPRESENTATION = True  # history tells names, which outlive rows

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.usersessions",
    "auditlog",
    "channels",
    "ninja",
    "omniroute",
    "accounts",
    "providers",
    "combos",
    "analytics",
    "gateway",
]

MIDDLEWARE = [
    "omniroute.security.content_security_policy",
    "omniroute.api.errors.json_errors",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "omniroute.history.remember_request",
    "accounts.second_factor.required",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "omniroute.console.navigation.context",
            ],
        },
    },
]

STATIC_URL = "/static/"
# Served from the apps' own folders: a clone has no build step between it and its first page.
WHITENOISE_USE_FINDERS = True

# --- Who may sign in -------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = reverse_lazy("overview")
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_PRESERVE_USERNAME_CASING = True
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_REAUTHENTICATION_REQUIRED = True
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "OmniRoute"
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=False)
# Counted in the database, so that the lockout holds across processes.
ACCOUNT_RATE_LIMITS = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "omniroute_cache",
        # Beyond it a part is thrown away, counted attempts too: with the default of 300, who fills it
        # with other names has a password's attempts forgotten.
        "OPTIONS": {"MAX_ENTRIES": 100_000},
    }
}

# --- Signing in elsewhere, with OpenID Connect -----------------------------------------------
OIDC_ISSUER = env.str("OIDC_ISSUER", default="").strip().rstrip("/")
OIDC_CLIENT_ID = env.str("OIDC_CLIENT_ID", default="").strip()
OIDC_CLIENT_SECRET = env.str("OIDC_CLIENT_SECRET", default="").strip()
OIDC_NAME = env.str("OIDC_NAME", default="").strip() or urlsplit(OIDC_ISSUER).hostname or ""
OIDC_DEFAULT_ROLE = env.str("OIDC_DEFAULT_ROLE", default="").strip()
if OIDC_ISSUER:
    _issuer = urlsplit(OIDC_ISSUER)
    if _issuer.scheme != "https" and _issuer.hostname not in {"localhost", "127.0.0.1", "::1"}:
        raise ImproperlyConfigured("OIDC_ISSUER: an address that begins with https:// is expected")
    if not OIDC_CLIENT_ID:
        raise ImproperlyConfigured("OIDC_CLIENT_ID: it is needed where there is an OIDC_ISSUER")
    if OIDC_DEFAULT_ROLE not in {"", "operator", "viewer", "member"}:
        raise ImproperlyConfigured("OIDC_DEFAULT_ROLE: operator, viewer, member or nothing")
SOCIALACCOUNT_ADAPTER = "accounts.oidc.OidcAdapter"
SOCIALACCOUNT_EMAIL_VERIFICATION = "none"
SOCIALACCOUNT_LOGIN_ON_GET = True  # by a link: a form may not lead to another host (CSP)
SOCIALACCOUNT_PROVIDERS = {"oidc": {"OAUTH_PKCE_ENABLED": True, "APPS": []}}
if OIDC_ISSUER:
    SOCIALACCOUNT_PROVIDERS["oidc"]["APPS"] = [
        {
            "provider_id": "oidc",
            "name": OIDC_NAME,
            "client_id": OIDC_CLIENT_ID,
            "secret": OIDC_CLIENT_SECRET,
            "settings": {"server_url": OIDC_ISSUER},
        }
    ]

# --- E-mail ----------------------------------------------------------------------------------
EMAIL_URL = env.str("EMAIL_URL", default="").strip()
if EMAIL_URL:
    vars().update(environ.Env.email_url_config(EMAIL_URL))
DEFAULT_FROM_EMAIL = env.str("EMAIL_FROM", default="").strip() or "omniroute@localhost"
EMAIL_TIMEOUT = 10

# --- What a browser is told ------------------------------------------------------------------
SECURE_PUBLIC = PUBLIC_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_PUBLIC
SESSION_COOKIE_HTTPONLY = True
SECURE_HSTS_SECONDS = 31_536_000 if SECURE_PUBLIC else 0
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # other names under the operator's domain are not ours to force to HTTPS,
    "security.W021",  # nor to have preloaded
    "security.W008",  # the proxy that ends TLS redirects; on loopback there is none
]

# --- Celery: a broker that needs no server unless there is Redis -----------------------------
CELERY_TASK_SERIALIZER = "json"
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_IGNORE_RESULT = True
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
if REDIS_URL:
    CELERY_BROKER_URL = REDIS_URL
else:
    CELERY_BROKER_URL = "filesystem://localhost"  # kombu warns where there is no host
    _queue = DATA_DIR / "celery"
    for _folder in ("messages", "processed", "control"):
        (_queue / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(_queue / "messages"),
        "data_folder_out": str(_queue / "messages"),
        "processed_folder": str(_queue / "processed"),
        "control_folder": str(_queue / "control"),
        "store_processed": False,
    }
# A task whose worker dies runs again; each is safe to run twice.
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SOFT_TIME_LIMIT = 300
CELERY_TASK_TIME_LIMIT = 330  # below the hour after which a broker gives a task to another worker
# One queue a concern, so that each can have workers of its own. A room's tasks are one concern.
CELERY_TASK_DEFAULT_QUEUE = "chores"
CELERY_TASK_ROUTES = {
    "providers.tasks.probe_connections": {"queue": "probes"},
    "providers.tasks.*": {"queue": "providers"},
    "analytics.tasks.*": {"queue": "alerts"},
    "omniroute.tasks.look_for_trouble": {"queue": "alerts"},
}
TASK_QUEUES = (
    "chores",
    "providers",
    "probes",
    "alerts",
)  # which `omniroute.celery` gives to Celery
CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "celerybeat-schedule")


def _turn(task: str, every_s: float) -> dict[str, Any]:
    """A worker that was away finds one turn of it, and not hundreds."""
    return {"task": task, "schedule": every_s, "options": {"expires": every_s}}


CELERY_BEAT_SCHEDULE = {
    "heartbeat": _turn("omniroute.tasks.beat", 15.0),
    "renewal": _turn("providers.tasks.renew_tokens", 10.0),
    "rollups": _turn("omniroute.tasks.roll_up", 15.0),
    "discovery": _turn("providers.tasks.discover_models", 600.0),
    "probes": _turn("providers.tasks.probe_connections", 15.0),
    "trouble": _turn("omniroute.tasks.look_for_trouble", 30.0),
    "alerts": _turn("analytics.tasks.deliver_alerts", 15.0),
    "retention": _turn("omniroute.tasks.delete_expired", 3600.0),
}

# --- Logs ------------------------------------------------------------------------------------
LOG_LEVEL = env.str("LOG_LEVEL", default="INFO").upper()
LOG_FORMAT = env.str("LOG_FORMAT", default="console")
if LOG_FORMAT not in {"console", "json"}:
    raise ImproperlyConfigured(f"LOG_FORMAT: {LOG_FORMAT!r} is neither 'console' nor 'json'")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "console": {"()": "omniroute.logs.ConsoleFormatter"},
        "json": {"()": "omniroute.logs.JsonFormatter"},
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": LOG_FORMAT}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        # redis-py gives it a handler of its own where nobody has named it.
        "push_response": {"level": "WARNING"},
        # Django's own handlers escape nothing.
        "django": {"handlers": []},
        "django.server": {"handlers": [], "propagate": True},
        # Their lines repeat what the request log holds, query strings included.
        "uvicorn.access": {"level": "WARNING"},
        "daphne": {"level": "WARNING"},
        "django.channels.server": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "asyncio": {"level": "WARNING"},
    },
}


def _page(title: str, icon: str, model: str) -> dict[str, object]:
    return {"title": title, "icon": icon, "link": reverse_lazy(f"admin:{model}_changelist")}


UNFOLD = {
    "SITE_TITLE": "OmniRoute",
    "SITE_HEADER": "OmniRoute",
    "SITE_SYMBOL": "hub",
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": [lambda request: static("admin-pages.css")],
    "SCRIPTS": [lambda request: static("search.js"), lambda request: static("labels.js")],
    "DASHBOARD_CALLBACK": "omniroute.console.dashboard.context",
    "COMMAND": {"search_callback": "omniroute.console.finding.rows"},
    "SIDEBAR": {
        "show_search": True,
        "command_search": True,
        "navigation": [
            {
                "title": "Gateway",
                "items": [
                    _page("Providers", "hub", "providers_provider"),
                    _page("Connections", "key", "providers_connection"),
                    _page("Models", "deployed_code", "providers_providermodel"),
                    _page("Aliases", "label", "combos_alias"),
                    _page("Combos", "alt_route", "combos_combo"),
                    _page("Error rules", "rule", "providers_errorrule"),
                ],
            },
            {
                "title": "Watch",
                "items": [
                    {
                        "title": "Overview",
                        "icon": "monitoring",
                        "link": reverse_lazy("overview"),
                        "active": lambda request: False,  # every address begins as this one
                    },
                    {"title": "Logs", "icon": "list", "link": reverse_lazy("logs")},
                    _page("Requests", "receipt_long", "analytics_requestrecord"),
                    _page("Background tasks", "schedule", "analytics_taskrun"),
                    _page("Incidents", "warning", "analytics_incident"),
                    _page("Alert channels", "notifications", "analytics_alertchannel"),
                    _page("Alert deliveries", "outgoing_mail", "analytics_alertdelivery"),
                    _page("Changes", "history", "auditlog_logentry"),
                ],
            },
            {
                "title": "Tools",
                "items": [
                    {
                        "title": "Translator",
                        "icon": "translate",
                        "link": reverse_lazy("translator"),
                    },
                    {
                        "title": "Configuration",
                        "icon": "swap_vert",
                        "link": reverse_lazy("configuration"),
                        "permission": lambda request: request.user.has_perm(
                            "accounts.import_configuration"
                        ),
                    },
                ],
            },
            {
                "title": "Access",
                "items": [
                    _page("API keys", "vpn_key", "accounts_apikey"),
                    _page("Users", "group", "accounts_user"),
                    _page("Invitations", "mail", "accounts_invitation"),
                    _page("Settings", "settings", "accounts_gatewaysettings"),
                ],
            },
        ],
    },
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": lambda request: static("favicon.svg")},
    ],
}
