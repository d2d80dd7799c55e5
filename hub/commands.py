"""What `python -m hub.main` does instead of serving, beside a hub that serves."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub.claim_keys import import_share
from hub.day_closes import close_day
from hub.keys import open_vault, published, recipients_keys, rotate
from hub.settings import Settings


async def command(settings: Settings, arguments: Sequence[str]) -> dict[str, Any] | None:
    """What came of `keys`, `recipients`, `rotate PURPOSE`, `import-share FILE` or `close-day YYYY-MM-DD`.

    None when the arguments name no command. Raises SettingsError and VaultLocked.
    """
    match arguments:
        case ["keys"]:
            return await published(settings)
        case ["recipients"]:
            return recipients_keys(settings)
        case ["rotate", purpose]:
            return await rotate(settings, purpose)
        case ["import-share", file]:
            return import_share(settings, open_vault(settings)[0], Path(file))
        case ["close-day", day]:
            return await close_day(settings, day)
        case _:
            return None
