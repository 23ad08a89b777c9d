"""What is kept of tokens: those in use, and sign-ins that are under way."""

from typing import Any, ClassVar

from django.db import models

from providers import credentials


class Token(models.Model):
    """The token that a connection's calls carry now, and how it is renewed.

    It stands apart from the connection: that is configuration, of which every change makes all
    processes read everything anew; this one changes by itself, as often as its provider likes.
    """

    connection = models.OneToOneField(
        "providers.Connection", on_delete=models.CASCADE, primary_key=True, related_name="token"
    )
    # Encrypted: `entered` is the connection's credential that it came of, `access_token` and
    # `refresh_token` what is used.
    sealed = models.TextField()
    version = models.PositiveIntegerField(default=0)  # rises with each token; who writes compares
    changed = models.DateTimeField(db_index=True)  # by the database's clock
    expires = models.DateTimeField(null=True)  # null: not known
    refresh_at = models.DateTimeField(null=True, db_index=True)  # null: it cannot be renewed
    holder = models.CharField(max_length=32, blank=True)  # who renews it at the moment
    held_until = models.DateTimeField(null=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    cause = models.CharField(max_length=300, blank=True)  # of the last one
    needs_login = models.BooleanField(default=False)

    def __str__(self) -> str:
        return str(self.connection)

    def opened(self) -> dict[str, Any]:
        """`entered`, `access_token`, `refresh_token`.

        Raises:
            credentials.CredentialUnreadable: No key decrypts it, or it is another row's.
        """
        return credentials.open_sealed(self.connection.uid, self.sealed)


class SignIn(models.Model):
    """A sign-in that has begun. It is used once, by the session or key that began it."""

    state = models.CharField(max_length=64, unique=True)  # its SHA-256
    provider = models.ForeignKey("providers.Provider", on_delete=models.CASCADE)
    binding = models.CharField(max_length=64)
    sealed = models.TextField()  # the verifier or the device code, and the like
    expires = models.DateTimeField()
    polled = models.DateTimeField(null=True)  # of a device flow: when it was asked last
    interval_s = models.PositiveIntegerField(default=5)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["expires"])]

    def __str__(self) -> str:
        return f"sign-in at {self.provider}"
