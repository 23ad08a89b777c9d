"""What is encrypted at rest: with the newest of ENCRYPTION_KEYS, and each of them decrypts it.

A leaf that any room may import.
"""

from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


def vault() -> MultiFernet:
    return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
