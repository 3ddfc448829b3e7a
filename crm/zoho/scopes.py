"""The OAuth scopes that each kind of call needs, by the names that people tick in Zoho's API console.

https://www.zoho.com/crm/developer/docs/api/v8/scopes.html
"""

SCOPES = {  # the longer path first
    "/actions/watch": "ZohoCRM.notifications.ALL",
    "/coql": "ZohoCRM.coql.READ",
    "/org/currencies": "ZohoCRM.settings.currencies.READ",
    "/org": "ZohoCRM.org.READ",
    "/users": "ZohoCRM.users.READ",
    "/settings/fields": "ZohoCRM.settings.fields.ALL",
    "/settings/layouts": "ZohoCRM.settings.layouts.READ",
    "/settings/pipeline": "ZohoCRM.settings.pipeline.READ",
    "/Accounts": "ZohoCRM.modules.accounts.ALL",
    "/Deals": "ZohoCRM.modules.deals.ALL",
    "/Notes": "ZohoCRM.modules.notes.ALL",
    "/Tasks": "ZohoCRM.modules.tasks.ALL",
}
CONSOLE = "make a new refresh token with all scopes of the README in Zoho's API console (api-console.zoho.com)"


def scope_for(path: str) -> str:
    """Notes of a deal belong to notes, whatever the path begins with."""
    if path.endswith("/Notes"):
        return SCOPES["/Notes"]
    return next((scope for start, scope in SCOPES.items() if path.startswith(start)), "for this")
