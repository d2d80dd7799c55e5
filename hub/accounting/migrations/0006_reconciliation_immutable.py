from tortoise import migrations
from tortoise.migrations import operations as ops

from hub.platform.immutable import rows_never_change


class Migration(migrations.Migration):
    dependencies = [("accounting", "0005_reconciliation")]
    operations = [
        ops.RunPython(
            rows_never_change(
                "accounting_statement",
                "accounting_statement_entry",
                "accounting_matched_entry",
                "accounting_matched_journal",
                "accounting_case_event",
            )
        )
    ]
