"""The connector's settings, from `HUILIAN_*` environment variables."""

from __future__ import annotations

from pydantic import Field, FilePath, model_validator

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
    tryton_payment_user: str = Field(
        default="",
        description="login of a user of Tryton's group Accounting who posts payments; empty: none are posted",
    )
    tryton_payment_password_file: FilePath | None = Field(
        default=None, description="file that holds that user's password"
    )

    @model_validator(mode="after")
    def _both_or_neither(self) -> TrytonSettings:
        if bool(self.tryton_payment_user) != (self.tryton_payment_password_file is not None):
            raise ValueError("HUILIAN_TRYTON_PAYMENT_USER and HUILIAN_TRYTON_PAYMENT_PASSWORD_FILE come together")
        return self

    def payment_password(self) -> str:
        """The password of the user who posts payments. Raises AssertionError where there is none."""
        assert self.tryton_payment_password_file is not None, "asked only where a payment user is set"
        return self.tryton_payment_password_file.read_text("utf-8").rstrip("\r\n")

    def password(self) -> str:
        """The Tryton user's password, without the end of line."""
        return self.tryton_password_file.read_text("utf-8").rstrip("\r\n")
