"""Inviting people: the link is in the answer that makes it, and nowhere else."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from ninja import Body, Router, Status

from accounts import invitations
from accounts.models import Invitation, in_a_week
from omniroute.api.auth import require
from omniroute.api.logs import moment
from omniroute.configuration.schema import Entry

routes = Router()


class InvitationEntry(Entry):
    """`expires` is in a week where it is not said; `email` is where the link is sent, if it can be."""

    email: str = ""
    role: Literal["administrator", "operator", "viewer", "member"] = "member"
    expires: datetime | None = None


def shown(row: Invitation) -> dict[str, Any]:
    return {
        "id": row.pk,
        "email": row.email,
        "role": row.role,
        "state": row.state,
        "invited_by": row.invited_by.username if row.invited_by else None,
        "created": row.created.isoformat(),
        "expires": row.expires.isoformat(),
        "user": row.user.username if row.user else None,
    }


@routes.get("")
def listing(request: HttpRequest) -> dict[str, Any]:
    require(request, "accounts.view_invitation")
    rows = Invitation.objects.select_related("invited_by", "user")
    return {"items": [shown(row) for row in rows]}


@routes.post("", response={201: dict[str, Any]})
def invite(request: HttpRequest, entry: Body[InvitationEntry]) -> Any:
    """`link` is good once, and shown this once; `sent` says whether a mail server has taken it."""
    user = require(request, "accounts.add_invitation")
    expires = moment(entry.expires) or in_a_week()
    row = Invitation(email=entry.email, role=entry.role, expires=expires, invited_by=user)
    link = invitations.assign(row)
    row.full_clean()
    row.save()
    return Status(201, shown(row) | {"link": link, "sent": invitations.send(row, link)})


@routes.delete("/{pk}", response={204: None})
def withdraw(request: HttpRequest, pk: int) -> Any:
    require(request, "accounts.delete_invitation")
    get_object_or_404(Invitation, pk=pk).delete()
    return Status(204, None)
