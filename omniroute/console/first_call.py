"""The first call that somebody is shown, with a model that a connection here could answer for."""

from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from providers.models import Connection, ProviderModel

DEMO = "demo"


def curl() -> str:
    return (
        f"curl {settings.PUBLIC_URL}/v1/chat/completions \\\n"
        '  -H "authorization: Bearer $OMNIROUTE_API_KEY" \\\n'
        '  -H "content-type: application/json" \\\n'
        f'  -d \'{{"model": "{_model()}", '
        '"messages": [{"role": "user", "content": "Hello"}]}\''
    )


def own_connections() -> Any:
    """Those that are on, without the one that is inside."""
    return Connection.objects.active().exclude(provider__slug=DEMO)


def _model() -> str:
    row = own_connections().select_related("provider").first()
    if row is None:
        return "demo/echo"
    alias = row.provider.alias
    if row.model_names:
        return f"{alias}/{row.model_names[0]}"
    offered = ProviderModel.objects.filter(provider=row.provider, active=True, kind="chat")
    name = offered.values_list("name", flat=True).first()
    return f"{alias}/{name or _('MODEL')}"
