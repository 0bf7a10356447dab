"""The settings: one flat list, each variable read once, with a default that is safe in production or none.

`make run` writes two files into the state folder (QSURA_STATE); what stands in the real environment wins. docs/configuration.md says
what each variable is for.
"""

from __future__ import annotations

import base64
import re
from decimal import Decimal
from pathlib import Path

import environ
from celery.schedules import schedule
from csp.constants import NONE, SELF, UNSAFE_EVAL, UNSAFE_INLINE
from django.core.exceptions import ImproperlyConfigured
from django.urls import reverse_lazy

from qsura_platform import colours

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
QSURA_STATE = Path(env.str("QSURA_STATE", default=str(BASE_DIR / ".qsura")))
for _name in ("qsura.env", "runtime.env"):
    if (QSURA_STATE / _name).is_file():
        env.read_env(QSURA_STATE / _name)


def _bytes(name: str) -> bytes:
    """32 bytes, written in base64."""
    try:
        value = base64.b64decode(env.str(name), validate=True)
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} must be 32 bytes in base64: {error}") from error
    if len(value) != 32:
        raise ImproperlyConfigured(f"{name} must be 32 bytes in base64; it has {len(value)}.")
    return value


def _price(name: str) -> tuple[str, Decimal] | None:
    """A currency and an amount, `EGP 0.35`; None where it is empty."""
    text = env.str(name, default="")
    found = re.fullmatch(r"([A-Z]{3}) ([0-9]{1,6}(?:\.[0-9]{1,6})?)", text)
    if text and not found:
        raise ImproperlyConfigured(f"{name} must be a currency and an amount, such as EGP 0.35.")
    return (found[1], Decimal(found[2])) if found else None


def _keys(name: str) -> dict[str, bytes]:
    """`id:base64` pairs; the first one seals, all of them open."""
    keys = {}
    for pair in env.list(name):
        key_id, _, text = pair.partition(":")
        try:
            keys[key_id] = base64.b64decode(text, validate=True)
        except ValueError as error:
            raise ImproperlyConfigured(f"{name}: the key {key_id!r} is not base64.") from error
        if not key_id or len(keys[key_id]) != 32:
            raise ImproperlyConfigured(f"{name}: write each key as id:base64 of 32 bytes.")
    if not keys:
        raise ImproperlyConfigured(f"{name} needs at least one key, written as id:base64 of 32 bytes.")
    return keys


# Who we are

SECRET_KEY = env.str("SECRET_KEY")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=[])
PUBLIC_URL = env.str("PUBLIC_URL").rstrip("/")
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])

# What is kept secret

QSURA_FIELD_KEYS = _keys("QSURA_FIELD_KEYS")
QSURA_INDEX_KEY = _bytes("QSURA_INDEX_KEY")
QSURA_KEY_PEPPER = _bytes("QSURA_KEY_PEPPER")

# Where the world is

QSURA_SIMULATOR_URL = env.str("QSURA_SIMULATOR_URL", default="").rstrip("/")
QSURA_SIMULATOR_SMPP = env.str("QSURA_SIMULATOR_SMPP", default="")
QSURA_SIMULATOR_SMTP = env.str("QSURA_SIMULATOR_SMTP", default="")
QSURA_SIMULATOR_SECRET = env.str("QSURA_SIMULATOR_SECRET", default="")
QSURA_ALLOWED_PRIVATE_TARGETS = env.list("QSURA_ALLOWED_PRIVATE_TARGETS", default=[])

# How long things take (seconds)

QSURA_PROVIDER_TIMEOUT = env.float("QSURA_PROVIDER_TIMEOUT", default=10.0)
QSURA_LEASE = env.int("QSURA_LEASE", default=60)
QSURA_UNKNOWN_GRACE = env.int("QSURA_UNKNOWN_GRACE", default=60)
QSURA_BREAKER_WAIT = env.float("QSURA_BREAKER_WAIT", default=30.0)
QSURA_WEBHOOK_CHALLENGE = env.bool("QSURA_WEBHOOK_CHALLENGE", default=True)
QSURA_WEBHOOK_TIMEOUT = env.float("QSURA_WEBHOOK_TIMEOUT", default=15.0)

# How much may wait

QSURA_QUEUE_LIMIT = env.int("QSURA_QUEUE_LIMIT", default=1_000_000)
QSURA_RATE_LIMIT = env.int("QSURA_RATE_LIMIT", default=3_000)

# Who is told of alerts, and when

EMAIL_URL = env.str("EMAIL_URL", default="")
_MAIL = environ.Env.email_url_config(EMAIL_URL) if EMAIL_URL else {}
EMAIL_BACKEND = _MAIL.get("EMAIL_BACKEND", "django.core.mail.backends.smtp.EmailBackend")
EMAIL_HOST = _MAIL.get("EMAIL_HOST") or ""
EMAIL_PORT = _MAIL.get("EMAIL_PORT") or (465 if _MAIL.get("EMAIL_USE_SSL") else 587 if _MAIL.get("EMAIL_USE_TLS") else 25)
EMAIL_HOST_USER = _MAIL.get("EMAIL_HOST_USER") or ""
EMAIL_HOST_PASSWORD = _MAIL.get("EMAIL_HOST_PASSWORD") or ""
EMAIL_USE_TLS = _MAIL.get("EMAIL_USE_TLS", False)
EMAIL_USE_SSL = _MAIL.get("EMAIL_USE_SSL", False)
EMAIL_TIMEOUT = 10
ALERT_EMAILS = env.list("ALERT_EMAILS", default=[])
ALERT_EMAIL_FROM = env.str("ALERT_EMAIL_FROM", default="")
ALERT_WEBHOOK_URL = env.str("ALERT_WEBHOOK_URL", default="")
ALERT_WEBHOOK_SECRET = env.str("ALERT_WEBHOOK_SECRET", default="")
ALERT_QUEUE_AGE = env.int("ALERT_QUEUE_AGE", default=60)
ALERT_WEBHOOK_AGE = env.int("ALERT_WEBHOOK_AGE", default=300)
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "django_celery_beat",
    "axes",
    "csp",
    "accounts",
    "alerts",
    "routing",
    "templates_app",
    "messaging",
    "callbacks",
    "qsura_platform",
]

MIDDLEWARE = [
    "qsura_platform.middleware.Surroundings",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "qsura_platform.middleware.ContentSecurity",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "qsura_platform.urls"
WSGI_APPLICATION = "qsura_platform.wsgi.application"
APPEND_SLASH = False

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "qsura_platform" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# PostgreSQL. Connections are kept: opening one for each request costs 62 % of the rate (docs/decisions/). Statements are prepared by their
# second use, for planning the accept takes three times as long as executing it. DATABASE_URL may say otherwise (?prepare_threshold=).

DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"]["CONN_MAX_AGE"] = None
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DATABASES["default"].setdefault("OPTIONS", {}).update(server_side_binding=True, connect_timeout=5)
DATABASES["default"]["OPTIONS"].setdefault("prepare_threshold", 1)
# A process that is frozen in the middle of a transaction would hold its rows for ever: after a lease the server takes them back.
DATABASES["default"]["OPTIONS"].setdefault("options", f"-c idle_in_transaction_session_timeout={QSURA_LEASE * 1000}")
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# People

AUTH_USER_MODEL = "accounts.Person"
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_ENABLE_ADMIN = False
AXES_LOCKOUT_TEMPLATE = "429.html"
LOGIN_URL = reverse_lazy("admin:login")
LOGIN_REDIRECT_URL = reverse_lazy("admin:index")

# Language and time

LANGUAGE_CODE = "en-gb"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = False
FORMAT_MODULE_PATH = ["qsura_platform.formats"]

# Pages

STATIC_URL = "/static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
# Served from where they lie, by the web process itself: there is no step to forget.
WHITENOISE_USE_FINDERS = True
WHITENOISE_ALLOW_ALL_ORIGINS = False
WHITENOISE_MAX_AGE = 3600

UNFOLD = {
    "SITE_TITLE": "Qsura",
    "SITE_HEADER": "Qsura",
    "SITE_SUBHEADER": "Messages that arrive",
    "SITE_ICON": f"{STATIC_URL}qsura/mark.svg",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": f"{STATIC_URL}qsura/mark.svg"}],
    "LOGIN": {"image": f"{STATIC_URL}qsura/login.svg"},
    "STYLES": [f"{STATIC_URL}qsura/admin.css"],
    "ENVIRONMENT": "qsura_platform.sidebar.environment",
    "DASHBOARD_CALLBACK": "qsura_platform.dashboard.fill",
    "BORDER_RADIUS": "8px",
    "SIDEBAR": {"show_search": False, "navigation": "qsura_platform.sidebar.navigation"},
    "COLORS": {"primary": colours.PRIMARY},
}

# Safety. PUBLIC_URL says whether the platform is reached by TLS; everything that follows from it is decided here, once.

_IS_TLS = PUBLIC_URL.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = _IS_TLS
SECURE_REDIRECT_EXEMPT = [r"^livez$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 31_536_000 if _IS_TLS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _IS_TLS
SECURE_HSTS_PRELOAD = _IS_TLS
SESSION_COOKIE_SECURE = _IS_TLS
CSRF_COOKIE_SECURE = _IS_TLS
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Strict"
CSRF_COOKIE_SAMESITE = "Strict"
SESSION_COOKIE_AGE = 60 * 60 * 10
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
# The largest body of any door: a provider's batch of receipts (Meta sends up to 3 MB). The API's own limits are in qsura_platform.wire.
DATA_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "img-src": [SELF, "data:"],
        "object-src": [NONE],
        "frame-ancestors": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
    }
}
# The admin's theme evaluates Alpine.js expressions and sets inline styles; qsura_platform.middleware applies this under /admin/ only.
ADMIN_CONTENT_SECURITY_POLICY = {"script-src": [SELF, UNSAFE_EVAL], "style-src": [SELF, UNSAFE_INLINE]}

# The API

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["accounts.authentication.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["qsura_platform.wire.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["qsura_platform.wire.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "qsura_platform.wire.OnlyJSON",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "qsura_platform.errors.answer",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}

SPECTACULAR_SETTINGS = {
    "TITLE": "Qsura",
    "DESCRIPTION": "One request sends an approved template over a route of channels and providers; signed webhooks tell what became of it.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "LICENSE": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SCHEMA_PATH_PREFIX": "/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "ENUM_NAME_OVERRIDES": {
        "ChannelEnum": "routing.choices.Channel.values",
        "ChannelOrAutoEnum": "messaging.serializers.CHANNELS",
        "EventTypeEnum": "messaging.choices.EVERY_TYPE",
        "MessageEventTypeEnum": "messaging.choices.EventType.values",
        "InboundKindEnum": "messaging.doors.inbound_shapes.KINDS",
        "EndpointKindEnum": "callbacks.choices.EndpointKind.values",
        "EndpointStatusEnum": "callbacks.choices.EndpointStatus.values",
        "ReplayKindEnum": "callbacks.choices.ReplayKind.values",
        "StatusEnum": "qsura_platform.schema.STATUSES",
        "AttemptStatusEnum": "qsura_platform.schema.ATTEMPT_STATUSES",
        "VersionStatusEnum": "templates_app.choices.VersionStatus.values",
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "qsura_platform.schema.document_problems"],
}

# The queue carries wake-ups, never work: due times and payloads live in the database, and a sweep finds whatever a bell missed.

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 5, "socket_connect_timeout": 2}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_DEFAULT_QUEUE = "sweeps"
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_WORKER_ENABLE_REMOTE_CONTROL = False
CELERY_TASK_ROUTES = {
    "messaging.tasks.hand_off_authentication": {"queue": "handoff_authentication"},
    "messaging.tasks.hand_off_utility": {"queue": "handoff_utility"},
    "messaging.tasks.hand_off_marketing": {"queue": "handoff_marketing"},
    "callbacks.tasks.read_receipts": {"queue": "receipts"},
    "messaging.tasks.settle_inbound": {"queue": "receipts"},
    "callbacks.tasks.deliver": {"queue": "webhooks"},
}
# `manage.py run_beat` rings for these by the monotonic clock, and not while enough rings hang in a queue (messaging.bell).
CELERY_BEAT_SCHEDULE = {
    "ring for what is due": {"task": "messaging.tasks.ring_for_due", "schedule": schedule(1.0)},
    "settle what time decides": {"task": "messaging.tasks.settle", "schedule": schedule(1.0)},
    "follow up what people wrote": {"task": "messaging.tasks.settle_inbound", "schedule": schedule(2.0)},
    "take in files of suppressions": {"task": "messaging.tasks.import_suppressions", "schedule": schedule(5.0)},
    "ring for receipts and webhooks": {"task": "callbacks.tasks.ring_for_due", "schedule": schedule(1.0)},
    "match parked receipts": {"task": "callbacks.tasks.match_parked", "schedule": schedule(10.0)},
    "count the uses of templates": {"task": "messaging.tasks.count_uses", "schedule": schedule(600.0)},
    "watch receipts": {"task": "callbacks.tasks.watch_receipts", "schedule": schedule(60.0)},
    "test drafts of routes": {"task": "messaging.tasks.backtest", "schedule": schedule(2.0)},
    "register templates": {"task": "templates_app.tasks.register", "schedule": schedule(5.0)},
    "owe registrations": {"task": "templates_app.tasks.owe_registrations", "schedule": schedule(60.0)},
    "make partitions": {"task": "messaging.tasks.make_partitions", "schedule": schedule(6 * 3600.0)},
    "forget what has served": {"task": "messaging.tasks.forget", "schedule": schedule(600.0)},
    "watch messages": {"task": "messaging.tasks.watch", "schedule": schedule(30.0)},
    "watch callbacks": {"task": "callbacks.tasks.watch", "schedule": schedule(30.0)},
    "expire what waits": {"task": "messaging.tasks.expire", "schedule": schedule(10.0)},
    "rebalance accounts": {"task": "messaging.tasks.rebalance", "schedule": schedule(60.0)},
    "prove what messages were promised": {"task": "messaging.tasks.prove", "schedule": schedule(86_400.0)},
    "prove what webhooks were promised": {"task": "callbacks.tasks.prove", "schedule": schedule(86_400.0)},
    "tell staff": {"task": "callbacks.tasks.tell_staff", "schedule": schedule(15.0)},
    "clear unused callbacks": {"task": "callbacks.tasks.clear_unused", "schedule": schedule(6 * 3600.0)},
    "forget what callbacks kept": {"task": "callbacks.tasks.forget", "schedule": schedule(600.0)},
}

# What a reviewer is told that a change of an SMS costs.

SMS_SEGMENT_PRICE = _price("QSURA_SMS_SEGMENT_PRICE")

# The currency of the price table, and of every sum that is made with it.

QSURA_CURRENCY = env.str("QSURA_CURRENCY", default="USD")

# Logs: one line each, to standard error; qsura_platform.logs keeps recipients and secrets out.

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "qsura_platform.logs.Line", "format": "{asctime} {levelname:<7} {name}: {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        "django.request": {"level": "ERROR"},
        "axes": {"level": "WARNING"},
        # Anybody can send any Host: it is refused, and needs no traceback.
        "django.security.DisallowedHost": {"level": "CRITICAL"},
    },
}
