"""What each role may do, as one table that Admin, the management API and keys go by."""

ADMINISTRATOR = "administrator"
OPERATOR = "operator"
VIEWER = "viewer"
MEMBER = "member"

CHOICES = [
    (ADMINISTRATOR, "Administrator: everything"),
    (OPERATOR, "Operator: everything but users and secrets"),
    (VIEWER, "Viewer: sees, changes nothing"),
    (MEMBER, "Member: own keys and own usage only"),
]

# Who may enter Django Admin.
STAFF = frozenset({ADMINISTRATOR, OPERATOR, VIEWER})

# What an operator may change: the rows of these rooms, and no row that a later app brings along.
_ROOMS = frozenset({"providers", "combos", "analytics", "accounts"})
# But for what is a secret or hands out rights: an operator sees these and leaves them alone.
_GUARDED = frozenset({"accounts.user", "accounts.apikey", "accounts.ownkey", "accounts.invitation"})
# What members may: `ownkey` stands for those API keys that are a person's own.
_OWN = frozenset({"accounts.view_ownkey", "accounts.add_ownkey", "accounts.delete_ownkey"})


def allows(role: str, permission: str) -> bool:
    """May `role` do `permission`, named as Django names it: `providers.change_connection`?"""
    app, _, codename = permission.partition(".")
    action, _, model = codename.partition("_")
    match role:
        case "administrator":
            return True
        case "operator":
            return action == "view" or (
                app in _ROOMS
                and f"{app}.{model}" not in _GUARDED
                and codename != "change_credential"
            )
        case "viewer":
            return action == "view"
        case "member":
            return permission in _OWN
    return False


def any_model() -> list[str]:
    return ["*"]
