"""The connector's settings, from `HUILIAN_*` environment variables."""

from __future__ import annotations

from pydantic import Field, FilePath

from connectors.kit.settings import TlsSettings


class TrytonSettings(TlsSettings):
    """The connector's process: the kit's server settings, and how to reach the ERP."""

    tryton_url: str = Field(
        pattern=r"^https?://[^/\s]+$", description="address of Tryton, such as http://127.0.0.1:8000"
    )
    tryton_database: str = Field(
        default="huilian", pattern=r"^[A-Za-z0-9_-]+$", description="name of Tryton's database"
    )
    tryton_user: str = Field(min_length=1, description="login of a user who may only read")
    tryton_password_file: FilePath = Field(description="file that holds the user's password")

    def password(self) -> str:
        """The Tryton user's password, without the end of line."""
        return self.tryton_password_file.read_text("utf-8").rstrip("\r\n")
